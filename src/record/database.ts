import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { BelayError, messageOf } from '../core/errors.ts'
import { openFile } from './dialect.ts'
import { MIGRATIONS } from './migrations/index.ts'

/** "BLAY", SQLite's application id, by which Belay's databases are recognized. */
const APPLICATION_ID = 0x424c4159

const MAGIC = 'SQLite format 3\0'

/**
 * Opens the record at `path`, creates it if there is none (folder and file private to the user), and migrates it to the newest
 * version. Errors leave the file unchanged: `record_corrupt`, `record_foreign` (another program's file), `record_newer`
 * (written by a newer Belay), `record_unwritable` (read-only or full disk).
 */
export function openDatabase(path: string, migrations: readonly string[] = MIGRATIONS): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (existsSync(path)) checkMagic(path)
    else closeSync(openSync(path, 'a', 0o600))
    return whenFree(() => openAndMigrate(path, migrations))
  } catch (error) {
    throw asRecordError(error, path)
  }
}

const SQLITE_BUSY = 5
const BUSY_ROUNDS = 100

/**
 * Retries while other processes open the same new database. SQLite does not wait for the lock under which it switches to WAL
 * mode, because two processes that wait there for each other would wait forever.
 */
function whenFree<T>(open: () => T): T {
  for (let round = 0; ; round++) {
    try {
      return open()
    } catch (error) {
      if ((((error as { errcode?: number }).errcode ?? 0) & 0xff) !== SQLITE_BUSY || round >= BUSY_ROUNDS) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5 + Math.random() * 5 * Math.min(round, 20))
    }
  }
}

function checkMagic(path: string): void {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(MAGIC.length)
    const read = readSync(file, bytes, 0, bytes.length, 0)
    if (read > 0 && bytes.toString('latin1', 0, read) !== MAGIC) {
      throw new BelayError('record_foreign', `${path} is not a Belay record`, {
        exit: 1,
        expected: 'an SQLite database made by Belay',
        received: 'a file of another kind',
        next: 'set BELAY_HOME to another folder, or move this file away',
      })
    }
  } finally {
    closeSync(file)
  }
}

function openAndMigrate(path: string, migrations: readonly string[]): DatabaseSync {
  const database = openFile(path)
  try {
    checkOwner(database, path, migrations.length)
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = 67108864')
    migrate(database, migrations)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function numberOf(database: DatabaseSync, sql: string): number {
  return Number(Object.values(database.prepare(sql).get() ?? {})[0])
}

/** Only reads, in one transaction, because another process may be creating the database. Runs before anything is written. */
function checkOwner(database: DatabaseSync, path: string, newest: number): void {
  database.exec('begin')
  const version = numberOf(database, 'pragma user_version')
  const owner = numberOf(database, 'pragma application_id')
  const fresh = version === 0 && numberOf(database, 'select count(*) from sqlite_schema') === 0
  database.exec('commit')
  if (!fresh && owner !== APPLICATION_ID) {
    throw new BelayError('record_foreign', `${path} belongs to another program`, {
      exit: 1,
      expected: `application id ${APPLICATION_ID}`,
      received: String(owner),
      next: 'set BELAY_HOME to another folder, or move this file away',
    })
  }
  if (version > newest) {
    throw new BelayError('record_newer', `${path} was written by a newer Belay`, {
      exit: 1,
      expected: `version ${newest} or older`,
      received: `version ${version}`,
      next: 'update Belay: npm install -g belay-harness@latest',
    })
  }
}

function migrate(database: DatabaseSync, migrations: readonly string[]): void {
  if (numberOf(database, 'pragma user_version') === migrations.length) return
  database.exec('begin immediate')
  try {
    // Read again under the lock: another process may have migrated the database meanwhile.
    const version = numberOf(database, 'pragma user_version')
    for (const sql of migrations.slice(version)) database.exec(sql)
    database.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${migrations.length}`)
    database.exec('commit')
  } catch (error) {
    database.exec('rollback')
    throw error
  }
}

/** Translates SQLite's errors that a user can understand and fix; returns any other error unchanged. */
export function asRecordError(error: unknown, path: string): unknown {
  if (error instanceof BelayError) return error
  const { errcode, code } = error as { errcode?: number; code?: string }
  const primary = errcode === undefined ? undefined : errcode & 0xff
  if (primary === 11 || primary === 26) {
    return new BelayError('record_corrupt', `${path} is damaged: ${messageOf(error)}`, {
      exit: 1,
      next: 'restore it from a backup, or move it away to begin a new record; it was not changed',
      cause: error,
    })
  }
  if (primary === 8 || primary === 14 || primary === 13 || primary === 10 || isDiskError(code)) {
    return new BelayError('record_unwritable', `the record at ${path} cannot be written: ${messageOf(error)}`, {
      exit: 1,
      expected: 'a writable folder with free space',
      next: 'free some space or set BELAY_HOME to another folder, then: belay resume',
      cause: error,
    })
  }
  return error
}

function isDiskError(code: string | undefined): boolean {
  return (
    code === 'EACCES' ||
    code === 'EROFS' ||
    code === 'ENOSPC' ||
    code === 'EPERM' ||
    code === 'ENOTDIR' ||
    code === 'EEXIST'
  )
}
