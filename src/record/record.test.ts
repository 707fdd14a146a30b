import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { appendEvents, readEvents } from './events.ts'
import { openFile } from './dialect.ts'
import { RecordStore } from './record.ts'
import { changeTask, findTask } from './tasks.ts'
import { newTask, storeRun, TestClock, testHome } from './testing/record.ts'

const DRIVER = join(import.meta.dirname, 'testing/driver.ts')

describe('write', () => {
  it('commits state and event together, or neither', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await storeRun(record, [newTask('a')])
    const failing = record.write(async (tx) => {
      await changeTask(tx, 'r1', 'a', record.now(), { status: 'running' })
      await appendEvents(tx, record.now(), [{ type: 'task.started' }])
      throw new Error('the last moment')
    })
    await expect(failing).rejects.toThrow('the last moment')
    expect((await findTask(record.read, 'r1', 'a'))?.status).toBe('queued')
    expect((await readEvents(record.read)).map((event) => event.type)).toEqual(['run.started'])
    await record.close()
  })

  it('hides what is not committed from other connections', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const other = RecordStore.open(home.path)
    await record.write(async (tx) => {
      await appendEvents(tx, record.now(), [{ type: 'half' }])
      expect(await readEvents(other.read)).toEqual([])
      await appendEvents(tx, record.now(), [{ type: 'whole' }])
    })
    expect(await readEvents(other.read)).toHaveLength(2)
    await record.close()
    await other.close()
  })

  it('one after the other within a process, each whole', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        record.write(async (tx) => {
          await appendEvents(tx, record.now(), [{ type: 'first', data: { n } }])
          await new Promise((resolve) => setImmediate(resolve))
          await appendEvents(tx, record.now(), [{ type: 'second', data: { n } }])
        }),
      ),
    )
    const events = await readEvents(record.read)
    for (let i = 0; i < 40; i += 2) expect(events[i + 1]).toMatchObject({ type: 'second', data: events[i]?.data })
    await record.close()
  })

  it('waits for another process that holds the database, longer than SQLite itself would', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const holder = spawn(process.execPath, [DRIVER, 'hold', home.path, '2500'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout, 'data')
    let tries = 0
    await record.write(async (tx) => {
      tries += 1
      await appendEvents(tx, record.now(), [{ type: 'at last' }])
    })
    expect(await readEvents(record.read)).toHaveLength(1)
    expect(tries).toBe(1)
    await record.close()
  })

  it('gives up with the reason when nobody lets go, and works again afterwards', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path, new TestClock())
    await record.write((tx) => appendEvents(tx, record.now(), [{ type: 'before' }]))
    const holder = openFile(join(home.path, 'belay.db'))
    holder.exec('begin immediate')
    // With SQLite's own busy timeout the rounds would take a minute, so this connection has none.
    await record.read.executeQuery({
      sql: 'pragma busy_timeout = 0',
      parameters: [],
      query: undefined as never,
      queryId: { queryId: 'x' },
    })
    await expect(record.write((tx) => appendEvents(tx, record.now(), [{ type: 'never' }]))).rejects.toThrow(
      /locked|busy/i,
    )
    holder.exec('rollback')
    holder.close()
    await record.write((tx) => appendEvents(tx, record.now(), [{ type: 'after' }]))
    expect((await readEvents(record.read)).map((event) => event.type)).toEqual(['before', 'after'])
    await record.close()
  })

  it('survives kill -9: what was committed is there', async () => {
    using home = testHome()
    const writer = spawn(process.execPath, [DRIVER, 'flood', home.path], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(writer.stdout, 'data')
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    const file = openFile(join(home.path, 'belay.db'))
    expect(file.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
    expect(file.prepare('pragma foreign_key_check').all()).toEqual([])
    file.close()
  })

  it('refuses rows of runs that are not there', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await storeRun(record, [newTask('a')])
    const orphan = record.write((tx) =>
      tx
        .insertInto('attempts')
        .values({ run: 'r1', task: 'none', n: 1, started_at: '', ended_at: null, outcome: null, session: null })
        .execute(),
    )
    await expect(orphan).rejects.toThrow(/FOREIGN KEY/)
    await record.close()
  })
})
