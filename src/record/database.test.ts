import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { BelayError } from '../core/errors.ts'
import { openDatabase } from './database.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { RecordStore } from './record.ts'
import { changeTask, listTasks } from './tasks.ts'
import { newTask, storeRun, testHome } from './testing/record.ts'

const DRIVER = join(import.meta.dirname, 'testing/driver.ts')

function refusal(path: string): BelayError {
  try {
    openDatabase(path).close()
  } catch (error) {
    if (error instanceof BelayError) return error
    throw error
  }
  return expect.fail(`${path} was opened`)
}

/** The error for a file, which must be unchanged afterwards, with nothing created beside it. */
function refusalOf(bytes: Buffer | string): BelayError {
  using home = testHome()
  const path = join(home.path, 'belay.db')
  writeFileSync(path, bytes)
  const before = readFileSync(path)
  const error = refusal(path)
  expect(readFileSync(path).equals(before)).toBe(true)
  expect(readdirSync(home.path)).toEqual(['belay.db'])
  return error
}

/** The bytes of an intact record with some rows. */
async function wholeRecord(): Promise<Buffer> {
  using home = testHome()
  const record = RecordStore.open(home.path)
  await storeRun(
    record,
    Array.from({ length: 300 }, (_, i) => newTask(`T${i}`)),
  )
  await record.close()
  return readFileSync(join(home.path, 'belay.db'))
}

describe('a new record', () => {
  it('is made with its folder, private to the user', () => {
    using home = testHome()
    const path = join(home.path, 'deep', 'state', 'belay.db')
    openDatabase(path).close()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(join(home.path, 'deep', 'state')).mode & 0o777).toBe(0o700)
    openDatabase(path).close()
  })

  it('grows out of an empty file, as a crash before the first write leaves it', () => {
    using home = testHome()
    const path = join(home.path, 'belay.db')
    writeFileSync(path, '')
    openDatabase(path).close()
    expect(statSync(path).size).toBeGreaterThan(0)
  })

  it('is made by several at the same moment, again and again', async () => {
    using home = testHome()
    const threads = 3
    const paths = Array.from({ length: 30 }, (_, i) => join(home.path, String(i), 'belay.db'))
    const gate = new Int32Array(new SharedArrayBuffer(4 * paths.length))
    const workers = Array.from(
      { length: threads },
      () => new Worker(join(import.meta.dirname, 'testing/open-together.ts'), { workerData: { paths, threads, gate } }),
    )
    const failed = await Promise.all(workers.map(async (worker) => (await once(worker, 'message')) as unknown[]))
    expect(failed.flat(2)).toEqual([])
  })
})

describe('a file that is not a record of ours', () => {
  it('is refused: no database at all', () => {
    expect(refusalOf('This is my diary.\n')).toMatchObject({ code: 'record_foreign', exit: 1 })
    expect(refusalOf('SQLite')).toMatchObject({ code: 'record_foreign' })
  })

  it("is refused: another program's database, empty of version or not", () => {
    for (const pragma of ['', 'pragma user_version = 1;', 'pragma application_id = 7; pragma user_version = 1;']) {
      using home = testHome()
      const path = join(home.path, 'other.db')
      const other = new DatabaseSync(path)
      other.exec(`create table diary (day text); insert into diary values ('monday'); ${pragma}`)
      other.close()
      const error = refusalOf(readFileSync(path))
      expect(error, pragma).toMatchObject({
        code: 'record_foreign',
        expected: expect.stringContaining('application id'),
      })
    }
  })

  it('is refused: made by a newer Belay, and the way out is named', async () => {
    using home = testHome()
    const path = join(home.path, 'newer.db')
    openDatabase(path, [...MIGRATIONS, 'create table more (a text) strict']).close()
    const error = refusalOf(readFileSync(path))
    expect(error).toMatchObject({ code: 'record_newer', received: `version ${MIGRATIONS.length + 1}` })
    expect(error.next).toContain('npm install')
  })
})

describe('a damaged record', () => {
  it('is named as such, and not written to', async () => {
    const whole = await wholeRecord()
    const torn = whole.subarray(0, 5000)
    expect(refusalOf(torn)).toMatchObject({ code: 'record_corrupt', exit: 1 })
    const scribbled = Buffer.from(whole)
    scribbled.fill(0xee, 100, 4096) // the schema
    expect(refusalOf(scribbled)).toMatchObject({ code: 'record_corrupt' })
  })

  it('is named when the damage is met later', async () => {
    using home = testHome()
    const whole = await wholeRecord()
    const scribbled = Buffer.from(whole)
    scribbled.fill(0xee, whole.length - 4096 * 12) // far behind the schema: the tasks table
    writeFileSync(join(home.path, 'belay.db'), scribbled)
    const record = RecordStore.open(home.path)
    await expect(listTasks(record.read, 'r1')).rejects.toMatchObject({ code: 'record_corrupt', exit: 1 })
    const spoilt = record.write((tx) => changeTask(tx, 'r1', 'T299', record.now(), { attempt: 1 }))
    await expect(spoilt).rejects.toMatchObject({ code: 'record_corrupt', exit: 1 })
    await record.close()
  })
})

/** Runs the driver without root's permission to write everywhere. */
function asUser(args: readonly string[]): { error?: { code: string; exit?: number; next?: string } } {
  const isRoot = process.getuid?.() === 0
  const done = spawnSync(process.execPath, [DRIVER, ...args], {
    encoding: 'utf8',
    ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
  })
  if (done.stdout === '') throw new Error(`the driver said nothing: ${done.stderr}`)
  return JSON.parse(done.stdout) as ReturnType<typeof asUser>
}

describe('a folder that cannot be written', () => {
  it('is refused with the way out: no record yet, or one that may only be read', () => {
    using home = testHome()
    chmodSync(home.path, 0o755)
    const [empty, old] = [join(home.path, 'empty'), join(home.path, 'old')]
    mkdirSync(empty, { mode: 0o555 })
    mkdirSync(old)
    openDatabase(join(old, 'belay.db')).close()
    chmodSync(join(old, 'belay.db'), 0o444)
    chmodSync(old, 0o555)
    const before = readFileSync(join(old, 'belay.db'))
    for (const folder of [empty, join(empty, 'below'), old]) {
      expect(asUser(['append', folder, 'x', '1']), folder).toMatchObject({
        error: { code: 'record_unwritable', next: expect.stringContaining('BELAY_HOME') },
      })
    }
    expect(readdirSync(empty)).toEqual([])
    expect(readdirSync(old)).toEqual(['belay.db'])
    expect(readFileSync(join(old, 'belay.db')).equals(before)).toBe(true)
    chmodSync(old, 0o755)
    chmodSync(empty, 0o755)
  })
})

/** Whether this machine lets the test mount a small file system. */
function canMount(): boolean {
  if (process.platform !== 'linux') return false
  const tried = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=64k none /mnt'])
  return tried.status === 0
}

/** Runs the driver with its state folder on its own file system of `size` bytes; `before` prepares that. */
function onSmallDisk(size: string, args: readonly string[], before = ''): string {
  using home = testHome()
  const disk = join(home.path, 'disk')
  mkdirSync(disk)
  const script = `mount -t tmpfs -o size=${size} none "$0" && ${before === '' ? '' : `${before} && `}exec "$@"`
  const [what = '', ...more] = args
  const done = spawnSync('unshare', ['-rm', 'sh', '-c', script, disk, process.execPath, DRIVER, what, disk, ...more], {
    encoding: 'utf8',
  })
  if (done.stdout === '') throw new Error(`nothing was said: ${done.stderr}`)
  return done.stdout.trim()
}

const mountable = canMount()
if (!mountable && process.env['CI'] === 'true')
  throw new Error('a full disk cannot be tested here: no tmpfs can be mounted')

describe.skipIf(!mountable)('a full disk (skipped where no tmpfs can be mounted)', () => {
  it('in the middle of the work is named, and what was written before is whole', () => {
    const said = JSON.parse(onSmallDisk('2m', ['fill'])) as {
      error: unknown
      written: number
      last: number
      check: unknown
    }
    expect(said.error).toMatchObject({ code: 'record_unwritable', next: expect.stringContaining('belay resume') })
    expect(said.written).toBeGreaterThan(0)
    expect(said.last).toBe(said.written)
    expect(said.check).toEqual({ integrity_check: 'ok' })
  })

  it('from the beginning is named too, and the next try on a free disk works', () => {
    const full = 'dd if=/dev/zero of="$0/junk" bs=1k count=4096 2>/dev/null; test -f "$0/junk"'
    expect(JSON.parse(onSmallDisk('64k', ['open'], full))).toMatchObject({ error: { code: 'record_unwritable' } })
    const freed = `${full} && { "$1" "$2" open "$0" >/dev/null; rm "$0/junk"; mount -o remount,size=4m "$0"; }`
    expect(onSmallDisk('64k', ['open'], freed)).toBe('"opened"')
  })
})
