import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { appendEvents, lastSeq, readEvents } from './events.ts'
import { RecordStore } from './record.ts'
import { TestClock, testHome } from './testing/record.ts'

const DRIVER = join(import.meta.dirname, 'testing/driver.ts')

async function append(record: RecordStore, ...types: string[]): Promise<void> {
  await record.write((tx) =>
    appendEvents(
      tx,
      record.now(),
      types.map((type) => ({ type })),
    ),
  )
}

describe('events', () => {
  it('are kept in order, with everything that was said', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path, new TestClock())
    await record.write((tx) =>
      appendEvents(tx, record.now(), [
        {
          type: 'task.done',
          project: 'p',
          run: 'r',
          task: 't',
          session: 's',
          actor: 'user',
          version: 3,
          data: { a: [1] },
        },
        { type: 'bare' },
      ]),
    )
    expect(await readEvents(record.read)).toEqual([
      {
        seq: 1,
        time: '2026-11-21T10:00:00.000Z',
        type: 'task.done',
        version: 3,
        project: 'p',
        run: 'r',
        task: 't',
        session: 's',
        actor: 'user',
        data: { a: [1] },
      },
      expect.objectContaining({ seq: 2, type: 'bare', version: 1, project: null, actor: 'belay', data: {} }),
    ])
    await record.close()
  })

  it('are found by run, task, type and place', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await record.write((tx) =>
      appendEvents(tx, record.now(), [
        { type: 'task.started', run: 'r1', task: 'a', project: 'p1' },
        { type: 'task.done', run: 'r1', task: 'b', project: 'p1' },
        { type: 'taskXdone', run: 'r2', task: 'a', project: 'p2' },
        { type: 'item.tool_call', run: 'r1', task: 'a', project: 'p1' },
        { type: 'item.toolXcall', run: 'r1', task: 'a', project: 'p1' },
        { type: '100%', run: 'r2', project: 'p2' },
      ]),
    )
    const seqs = async (filter: Parameters<typeof readEvents>[1]): Promise<number[]> =>
      (await readEvents(record.read, filter)).map((event) => event.seq)
    expect(await seqs({ run: 'r1' })).toEqual([1, 2, 4, 5])
    expect(await seqs({ run: 'r1', task: 'a' })).toEqual([1, 4, 5])
    expect(await seqs({ project: 'p2' })).toEqual([3, 6])
    expect(await seqs({ type: 'task.*' })).toEqual([1, 2])
    expect(await seqs({ type: 'task.done' })).toEqual([2])
    // Only `*` is a wildcard; SQL's own wildcards are literal.
    expect(await seqs({ type: 'item.tool_call' })).toEqual([4])
    expect(await seqs({ type: '%' })).toEqual([])
    expect(await seqs({ type: '1*%' })).toEqual([6])
    expect(await seqs({ from: 4 })).toEqual([4, 5, 6])
    expect(await seqs({ from: 2, limit: 2 })).toEqual([2, 3])
    expect(await lastSeq(record.read)).toBe(6)
    await record.close()
  })

  it('cannot be changed or taken back', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await append(record, 'first', 'second')
    await expect(record.write((tx) => tx.updateTable('events').set({ type: 'other' }).execute())).rejects.toThrow(
      /only/,
    )
    await expect(record.write((tx) => tx.deleteFrom('events').where('seq', '=', 2).execute())).rejects.toThrow(/only/)
    expect((await readEvents(record.read)).map((event) => event.type)).toEqual(['first', 'second'])
    await record.close()
  })

  it('of a transaction that failed are not there, and their numbers are not seen', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await append(record, 'first')
    await expect(
      record.write(async (tx) => {
        await appendEvents(tx, record.now(), [{ type: 'lost' }])
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await append(record, 'second')
    expect((await readEvents(record.read)).map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'first'],
      [2, 'second'],
    ])
    await record.close()
  })
})

describe('events of several processes at once', () => {
  it('are all there, pairs together, and a reader that goes on by seq sees each exactly once', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const [WRITERS, PAIRS] = [4, 100]
    const writers = Array.from({ length: WRITERS }, (_, i) =>
      spawn(process.execPath, [DRIVER, 'append', home.path, `w${i}`, String(PAIRS)], { stdio: 'ignore' }),
    )
    let running = WRITERS
    for (const writer of writers) writer.once('exit', () => (running -= 1))
    const seen: { seq: number; type: string; data: Record<string, unknown> }[] = []
    for (let more = true; more;) {
      more = running > 0
      const batch = await readEvents(record.read, { from: (seen.at(-1)?.seq ?? 0) + 1, limit: 37 })
      if (batch.length > 0) more = true
      seen.push(...batch)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(writers.map((writer) => writer.exitCode)).toEqual(writers.map(() => 0))
    expect(seen.map((event) => event.seq)).toEqual(Array.from({ length: 2 * WRITERS * PAIRS }, (_, i) => i + 1))
    for (let i = 0; i < seen.length; i += 2) {
      expect(seen[i]?.type).toBe('test.first')
      expect(seen[i + 1]).toMatchObject({ type: 'test.second', data: seen[i]?.data })
    }
    for (let i = 0; i < WRITERS; i++) {
      const own = seen.filter((event) => event.data['name'] === `w${i}` && event.type === 'test.first')
      expect(own.map((event) => event.data['n'])).toEqual(Array.from({ length: PAIRS }, (_, n) => n))
    }
    await record.close()
  })

  it('come in whole transactions, also from a process that is killed', async () => {
    using home = testHome()
    RecordStore.open(home.path)
    for (let round = 0; round < 5; round++) {
      const writer = spawn(process.execPath, [DRIVER, 'flood', home.path], { stdio: ['ignore', 'pipe', 'ignore'] })
      await once(writer.stdout, 'data')
      writer.kill('SIGKILL')
      await once(writer, 'exit')
    }
    const record = RecordStore.open(home.path)
    const events = await readEvents(record.read)
    expect(events.length).toBeGreaterThan(0)
    expect(events.length % 2).toBe(0)
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1))
    expect(events.filter((event) => event.type === 'test.first')).toHaveLength(events.length / 2)
    await record.close()
  })
})
