/**
 * Uses a record from a separate process, for tests that need several processes or one that can be killed. Arguments: an action,
 * the state folder, and the action's own arguments. Prints the result as JSON on stdout, or the error's shape.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { BelayError } from '../../core/errors.ts'
import { openFile } from '../dialect.ts'
import { appendEvents, lastSeq } from '../events.ts'
import { takeLease } from '../leases.ts'
import { RecordStore } from '../record.ts'
import { join } from 'node:path'

const [, , what = '', home = '', ...more] = process.argv

const ACTIONS: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Opens and closes. */
  async open() {
    await RecordStore.open(home).close()
    return 'opened'
  },
  /** Appends `count` pairs of events, each pair in its own transaction. */
  async append() {
    const [name = '', count = '0'] = more
    const record = RecordStore.open(home)
    for (let n = 0; n < Number(count); n++) {
      await record.write(async (tx) => {
        const data = { name, n }
        await appendEvents(tx, record.now(), [
          { type: 'test.first', data },
          { type: 'test.second', data },
        ])
      })
    }
    await record.close()
    return count
  },
  /** Appends forever, until killed. */
  async flood() {
    const record = RecordStore.open(home)
    for (let n = 0; ; n++) {
      await record.write(async (tx) => {
        await appendEvents(tx, record.now(), [
          { type: 'test.first', data: { n } },
          { type: 'test.second', data: { n } },
        ])
      })
      if (n === 0) say('begun')
    }
  },
  /** Holds the write lock for some time. */
  async hold() {
    const database = openFile(join(home, 'belay.db'))
    database.exec('begin immediate')
    say('holding')
    await sleep(Number(more[0]))
    database.exec('commit')
    database.close()
    return 'released'
  },
  /** Takes a lease and keeps it until killed. */
  async lease() {
    const record = RecordStore.open(home)
    const lease = await takeLease(record, more[0] ?? '', 'a test')
    say(lease)
    setInterval(() => {}, 1 << 30)
    await new Promise(() => {})
  },
  /** Appends until the disk is full, then tells whether the record is intact. */
  async fill() {
    const record = RecordStore.open(home)
    let written = 0
    try {
      for (;;) {
        await record.write(async (tx) => {
          await appendEvents(tx, record.now(), [{ type: 'test', data: { n: written, junk: randomUUID().repeat(500) } }])
        })
        written += 1
      }
    } catch (error) {
      const last = await lastSeq(record.read)
      await record.close()
      const file = openFile(join(home, 'belay.db'))
      const check = file.prepare('pragma integrity_check').get()
      file.close()
      return { error: error instanceof BelayError ? error.shape() : String(error), written, last, check }
    }
  },
}

function say(value: unknown): void {
  writeSync(1, `${JSON.stringify(value)}\n`)
}

try {
  say(await (ACTIONS[what] ?? (() => Promise.reject(new Error(`no action ${what}`))))())
} catch (error) {
  say({ error: error instanceof BelayError ? error.shape() : { code: 'unexpected', message: String(error) } })
  process.exitCode = 1
}
