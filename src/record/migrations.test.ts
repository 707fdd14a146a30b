import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { listArtifacts } from './artifacts.ts'
import { listAttempts } from './attempts.ts'
import { getBaseline } from './baselines.ts'
import { findCheckpoint } from './checkpoints.ts'
import { openDatabase } from './database.ts'
import { openFile } from './dialect.ts'
import { readEvents } from './events.ts'
import { getIntent } from './intents.ts'
import { takeLease } from './leases.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { pendingDeliveries } from './outbox.ts'
import { listOutages } from './outages.ts'
import { RecordStore } from './record.ts'
import { findRun } from './runs.ts'
import { listSessions } from './sessions.ts'
import { findTask } from './tasks.ts'
import { testHome } from './testing/record.ts'
import { listWorkspaces } from './workspaces.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')

/**
 * Checksums of released migrations. A released migration must never change, because existing databases have run it. When you
 * add a migration, add its checksum here and `fixtures/v<n>.sql` with rows that only that version can hold.
 */
const LANDED = [
  '1dde2fe131eacadcd7e2be9857d369fd5d81ff9eea2aee4529e66737299a09a9',
  'c3fd4732bd8d71724c23af8fdcdd4fb924c6fc124ccdf5ed21fb0ce81c5e887f',
  'b2c3cd5cd2f6c41cc1ae2346041c253ead25c4f6af27665f99bda779c59a6508',
  '61d38625d70209fbd0b75571782e474cde8b24967ef940314e730db791e582c3',
]

const EVERY_VERSION = Array.from({ length: MIGRATIONS.length + 1 }, (_, version) => version)

/** A database as version `version` leaves it. Each version on the way adds the rows that only it can hold. */
function makeOld(path: string, version: number): void {
  openDatabase(path, []).close()
  for (let n = 1; n <= version; n++) {
    const database = openDatabase(path, MIGRATIONS.slice(0, n))
    database.exec(readFileSync(join(FIXTURES, `v${n}.sql`), 'utf8'))
    database.close()
  }
}

function schemaOf(path: string): unknown[] {
  const file = openFile(path)
  const rows = file
    .prepare("select type, name, tbl_name, sql from sqlite_schema where name not like 'sqlite_%' order by name")
    .all()
  file.close()
  return rows
}

describe('migrations', () => {
  it('are as they landed, and each has its fixture', () => {
    const sums = MIGRATIONS.map((sql) => createHash('sha256').update(sql).digest('hex'))
    expect(sums).toEqual(LANDED)
    expect(readdirSync(FIXTURES).toSorted()).toEqual(MIGRATIONS.map((_, i) => `v${i + 1}.sql`).toSorted())
  })

  it.each(EVERY_VERSION)('from version %i come to the same schema as a new record', (version) => {
    using home = testHome()
    const [old, fresh] = [join(home.path, 'old.db'), join(home.path, 'fresh.db')]
    makeOld(old, version)
    openDatabase(old).close()
    openDatabase(fresh).close()
    expect(schemaOf(old)).toEqual(schemaOf(fresh))
  })

  it.each(EVERY_VERSION.slice(1))('from version %i keep everything', async (version) => {
    using home = testHome()
    makeOld(join(home.path, 'belay.db'), version)
    const record = RecordStore.open(home.path)
    const { read } = record
    expect(await readEvents(read)).toMatchObject([
      { seq: 1, type: 'run.started', data: { base: 'abc' } },
      { seq: 2, type: 'item.message', task: 'T001', session: 's-1', actor: 'implementer' },
    ])
    expect(await findRun(read, 'r1')).toMatchObject({
      status: 'interrupted',
      source: { kind: 'prompt', prompt: 'Do it' },
      config: { concurrency: 1 },
      workedMs: version >= 2 ? 1234 : 0,
    })
    expect(await findTask(read, 'r1', 'T001')).toMatchObject({
      status: 'queued',
      phase: 'implement',
      attempt: 1,
      crashes: 2,
      epoch: 3,
      state: { base: 'abc', session: 's-1' },
    })
    const rounds = (await listAttempts(read, 'r1', 'T001')).map((attempt) => [attempt.round, attempt.outcome])
    expect(rounds).toEqual(
      version >= 2
        ? [
            [1, 'abandoned'],
            [0, 'gates_failed'],
          ]
        : [[0, 'gates_failed']],
    )
    expect(await listArtifacts(read, 'r1', 'T001')).toMatchObject([{ kind: 'evidence', data: { gate: 'test' } }])
    expect(await findCheckpoint(read, 'cp-1')).toMatchObject({ status: 'answered', answer: 'accept', note: 'fine' })
    expect(await listSessions(read, 'r1')).toMatchObject([{ id: 's-1', native: 'n-1', costUsd: 0.5 }])
    expect(await getBaseline(read, 'k1')).toEqual({ result: 'pass' })
    expect(await listWorkspaces(read, 'r1')).toMatchObject([{ path: '/w', task: 'T001', state: { setupKey: 'x' } }])
    expect(await getIntent(read, 'follow:p1:main')).toEqual({ token: 't' })
    expect(await pendingDeliveries(record, 'r1')).toMatchObject([{ key: 'o-1', tries: 1 }])
    const outage = {
      key: 'k',
      agent: 'claude',
      until: '2099-01-01T00:00:00.000Z',
      named: true,
      times: 2,
      session: 's-1',
    }
    expect(await listOutages(read, 'r1')).toMatchObject(version >= 4 ? [outage] : [])
    // Earlier counters stay in force: the next taking of the lease continues to count.
    expect((await takeLease(record, 'run:r1', 'run r1')).epoch).toBe(5)
    await record.close()
  })

  it('happen once when several processes open an old record together', async () => {
    using home = testHome()
    makeOld(join(home.path, 'belay.db'), 1)
    const openers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, [join(import.meta.dirname, 'testing/driver.ts'), 'open', home.path], {
        stdio: 'inherit',
      }),
    )
    const codes = await Promise.all(openers.map(async (opener) => (await once(opener, 'exit'))[0] as number))
    expect(codes).toEqual([0, 0, 0, 0])
    const record = RecordStore.open(home.path)
    expect(await readEvents(record.read)).toHaveLength(2)
    await record.close()
  })

  it('that fail leave the record at the version and with the content that it had', () => {
    using home = testHome()
    const path = join(home.path, 'belay.db')
    makeOld(path, MIGRATIONS.length)
    const before = schemaOf(path)
    const broken = [...MIGRATIONS, 'create table more (a text) strict; insert into nowhere values (1);']
    expect(() => openDatabase(path, broken)).toThrow(/nowhere/)
    expect(schemaOf(path)).toEqual(before)
    openDatabase(path).close()
  })
})
