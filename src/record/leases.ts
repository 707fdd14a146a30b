import { randomUUID } from 'node:crypto'
import { BelayError } from '../core/errors.ts'
import { isAlive, thisHost, thisProcess } from '../process/index.ts'
import type { Reader, RecordStore, Writer } from './record.ts'
import type { Tables } from './tables.ts'

/** How long a lease lasts without renewal, in ms. Others may then take it; until one does, its holder keeps it. */
export const LEASE_MS = 15_000

/** Proof of holding a lease. `token` is new each time the lease is taken, which tells a stale holder from the current one. */
export interface Lease {
  readonly key: string
  readonly token: string
  readonly epoch: number
}

type LeaseRow = Tables['leases']

/**
 * Takes the lease `key` for this process, or throws `held` naming the holder. A dead holder on this host is replaced at once,
 * any other holder after expiry. A lease that this process already holds throws `held` too.
 */
export async function takeLease(record: RecordStore, key: string, purpose: string): Promise<Lease> {
  const { pid, startTime } = thisProcess()
  const { host, boot } = thisHost()
  return record.write(async (tx) => {
    const row = await tx.selectFrom('leases').selectAll().where('key', '=', key).executeTakeFirst()
    if (row && isHeld(row, record.clock.now())) throw heldBy(row)
    const lease = { key, token: randomUUID(), epoch: (row?.epoch ?? 0) + 1 }
    const values = {
      ...lease,
      host,
      boot,
      pid,
      start_time: startTime,
      purpose,
      expires_at: new Date(record.clock.now() + LEASE_MS).toISOString(),
    }
    await tx
      .insertInto('leases')
      .values(values)
      .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
      .execute()
    return lease
  })
}

function isHeld(row: LeaseRow, now: number): boolean {
  if (row.token === '' || Date.parse(row.expires_at) <= now) return false
  const { host, boot } = thisHost()
  if (row.host !== host) return true
  return row.boot === boot && isAlive({ pid: row.pid, startTime: row.start_time })
}

function heldBy(row: LeaseRow): BelayError {
  return new BelayError('held', `${row.purpose} is being worked on by process ${row.pid} on ${row.host}`, {
    received: `pid ${row.pid}, lease until ${row.expires_at}`,
    next: 'wait for it, follow it with: belay events --follow, or stop it with Ctrl-C there',
  })
}

/** Throws `held` when a living process holds `key`. For checking early, before storing anything that would then be useless. */
export async function refuseHeld(record: RecordStore, key: string): Promise<void> {
  const row = await record.read.selectFrom('leases').selectAll().where('key', '=', key).executeTakeFirst()
  if (row && isHeld(row, record.clock.now())) throw heldBy(row)
}

/** The living holder of `key`, or null; for `status`. */
export async function holderOf(record: RecordStore, key: string): Promise<{ host: string; pid: number } | null> {
  const row = await record.read.selectFrom('leases').selectAll().where('key', '=', key).executeTakeFirst()
  return row && isHeld(row, record.clock.now()) ? { host: row.host, pid: row.pid } : null
}

/** Extends a lease. False: another process has taken it, and this one must stop. */
export async function renewLease(record: RecordStore, lease: Lease): Promise<boolean> {
  return record.write(async (tx) => {
    const result = await tx
      .updateTable('leases')
      .set({ expires_at: new Date(record.clock.now() + LEASE_MS).toISOString() })
      .where('key', '=', lease.key)
      .where('token', '=', lease.token)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  })
}

/** Gives a lease back; its epoch is kept. Does nothing if this process no longer holds it. */
export async function releaseLease(record: RecordStore, lease: Lease): Promise<void> {
  await record.write(async (tx) => {
    await tx
      .updateTable('leases')
      .set({ token: '' })
      .where('key', '=', lease.key)
      .where('token', '=', lease.token)
      .execute()
  })
}

/** Throws `lease_lost` unless this process still holds `lease`: the fence in front of every write of a run. */
export async function assertLease(db: Reader | Writer, lease: Lease): Promise<void> {
  const row = await db.selectFrom('leases').select('token').where('key', '=', lease.key).executeTakeFirst()
  if (row?.token !== lease.token) throw leaseLost(lease.key)
}

/** The error for a process whose lease or task was taken over: it must not write any more. */
export function leaseLost(key: string): BelayError {
  return new BelayError('lease_lost', `another process has taken over ${key}; this one stopped without writing`, {
    next: 'belay status',
  })
}
