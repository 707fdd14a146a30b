import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  LEASE_MS,
  assertLease,
  holderOf,
  refuseHeld,
  releaseLease,
  renewLease,
  takeLease,
  type Lease,
} from './leases.ts'
import { keepRenewing } from './renewal.ts'
import { RecordStore } from './record.ts'
import { TestClock, testHome } from './testing/record.ts'

const DRIVER = join(import.meta.dirname, 'testing/driver.ts')

/** Another, living process that holds a lease. */
async function otherHolder(
  home: string,
  key: string,
): Promise<{ pid: number; end(): Promise<void>; signal(name: NodeJS.Signals): void }> {
  const child = spawn(process.execPath, [DRIVER, 'lease', home, key], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    pid: child.pid as number,
    async end() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    signal: (name) => void child.kill(name),
  }
}

describe('a lease', () => {
  it('is held by one, and the other is told by whom', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const holder = await otherHolder(home.path, 'k')
    await expect(takeLease(record, 'k', 'mine')).rejects.toMatchObject({
      code: 'held',
      exit: 2,
      message: expect.stringContaining(`process ${holder.pid}`),
      received: expect.stringContaining(`pid ${holder.pid}`),
    })
    await expect(refuseHeld(record, 'k')).rejects.toMatchObject({ code: 'held' })
    expect(await holderOf(record, 'k')).toMatchObject({ pid: holder.pid })
    await holder.end()
    await record.close()
  })

  it('of a process that died is taken at once, with a higher epoch', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const holder = await otherHolder(home.path, 'k')
    await holder.end()
    expect(await holderOf(record, 'k')).toBeNull()
    await refuseHeld(record, 'k')
    expect((await takeLease(record, 'k', 'mine')).epoch).toBe(2)
    await record.close()
  })

  it('of a process that sleeps is taken when it has expired, not before', async () => {
    using home = testHome()
    const clock = new TestClock(Date.now())
    const record = RecordStore.open(home.path, clock)
    const holder = await otherHolder(home.path, 'k')
    holder.signal('SIGSTOP')
    await expect(takeLease(record, 'k', 'mine')).rejects.toMatchObject({ code: 'held' })
    clock.pass(LEASE_MS + 5000)
    expect((await takeLease(record, 'k', 'mine')).epoch).toBe(2)
    await holder.end()
    await record.close()
  })

  it('of another machine is only taken when it has expired; of another boot of this one at once', async () => {
    using home = testHome()
    const clock = new TestClock(Date.now())
    const record = RecordStore.open(home.path, clock)
    await takeLease(record, 'away', 'x')
    await takeLease(record, 'boot', 'x')
    await record.write(async (tx) => {
      await tx.updateTable('leases').set({ host: 'elsewhere' }).where('key', '=', 'away').execute()
      await tx.updateTable('leases').set({ boot: 'earlier' }).where('key', '=', 'boot').execute()
    })
    await expect(takeLease(record, 'away', 'y')).rejects.toMatchObject({
      code: 'held',
      message: expect.stringContaining('elsewhere'),
    })
    expect((await takeLease(record, 'boot', 'y')).epoch).toBe(2)
    clock.pass(LEASE_MS + 1)
    expect((await takeLease(record, 'away', 'y')).epoch).toBe(2)
    await record.close()
  })

  it('cannot be taken twice by the same process', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    await takeLease(record, 'k', 'mine')
    await expect(takeLease(record, 'k', 'mine again')).rejects.toMatchObject({ code: 'held' })
    await record.close()
  })

  it('is prolonged, given back and remembered; other leases are apart', async () => {
    using home = testHome()
    const clock = new TestClock(Date.now())
    const record = RecordStore.open(home.path, clock)
    const lease = await takeLease(record, 'k', 'mine')
    const other = await takeLease(record, 'k2', 'mine')
    clock.pass(LEASE_MS - 1)
    expect(await renewLease(record, lease)).toBe(true)
    clock.pass(LEASE_MS - 1)
    expect(await holderOf(record, 'k')).toMatchObject({ pid: process.pid })
    await releaseLease(record, lease)
    expect(await holderOf(record, 'k')).toBeNull()
    await expect(assertLease(record.read, lease)).rejects.toMatchObject({ code: 'lease_lost' })
    expect(await renewLease(record, lease)).toBe(false)
    await assertLease(record.read, other)
    expect((await takeLease(record, 'k', 'mine')).epoch).toBe(2)
    await record.close()
  })

  it('that was lost is neither prolonged nor given back by its old holder', async () => {
    using home = testHome()
    const clock = new TestClock(Date.now())
    const record = RecordStore.open(home.path, clock)
    const old = await takeLease(record, 'k', 'mine')
    clock.pass(LEASE_MS + 1)
    const fresh = await takeLease(record, 'k', 'theirs')
    expect(await renewLease(record, old)).toBe(false)
    await releaseLease(record, old)
    await assertLease(record.read, fresh)
    await expect(assertLease(record.read, old)).rejects.toMatchObject({ code: 'lease_lost' })
    await record.close()
  })

  it('that expired without being taken is still ours: a laptop that slept goes on', async () => {
    using home = testHome()
    const clock = new TestClock(Date.now())
    const record = RecordStore.open(home.path, clock)
    const lease = await takeLease(record, 'k', 'mine')
    clock.pass(100 * LEASE_MS)
    await assertLease(record.read, lease)
    expect(await renewLease(record, lease)).toBe(true)
    await record.close()
  })

  it('goes to one of many that want it at the same moment', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const wanting = Array.from({ length: 6 }, () => {
      const child = spawn(process.execPath, [DRIVER, 'lease', home.path, 'k'], { stdio: ['ignore', 'pipe', 'inherit'] })
      return { child, said: once(child.stdout, 'data').then(([data]) => JSON.parse(String(data)) as Partial<Lease>) }
    })
    const said = await Promise.all(wanting.map((one) => one.said))
    expect(said.filter((one) => one.token !== undefined)).toHaveLength(1)
    expect(said.filter((one) => 'error' in one)).toHaveLength(5)
    for (const { child } of wanting) child.kill('SIGKILL')
    await record.close()
  })
})

describe('keepRenewing', () => {
  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve))
  }

  it('prolongs all leases until it is stopped', async () => {
    using home = testHome()
    const clock = new TestClock(Date.now())
    const record = RecordStore.open(home.path, clock)
    const leases = [await takeLease(record, 'a', 'x'), await takeLease(record, 'b', 'x')]
    const renewal = keepRenewing(record, leases, 5)
    clock.pass(10 * LEASE_MS)
    await until(async () => (await holderOf(record, 'a')) !== null && (await holderOf(record, 'b')) !== null)
    await renewal.stop()
    clock.pass(10 * LEASE_MS)
    expect(await holderOf(record, 'a')).toBeNull()
    expect(renewal.lost.aborted).toBe(false)
    await record.close()
  })

  it('says when one was lost, and why', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const leases = [await takeLease(record, 'a', 'x'), await takeLease(record, 'b', 'x')]
    const renewal = keepRenewing(record, leases, 5)
    await record.write((tx) => tx.updateTable('leases').set({ token: 'another' }).where('key', '=', 'b').execute())
    await until(() => renewal.lost.aborted)
    expect(renewal.lost.reason).toMatchObject({ code: 'lease_lost', message: expect.stringContaining('b') })
    await renewal.stop()
    await record.close()
  })

  it('says when the record cannot be written any more', async () => {
    using home = testHome()
    const record = RecordStore.open(home.path)
    const renewal = keepRenewing(record, [await takeLease(record, 'a', 'x')], 5)
    await record.write((tx) => tx.schema.dropTable('leases').execute())
    await until(() => renewal.lost.aborted)
    expect(String(renewal.lost.reason)).toContain('leases')
    await renewal.stop()
    await record.close()
  })
})
