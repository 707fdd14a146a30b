import { LEASE_MS, leaseLost, renewLease, type Lease } from './leases.ts'
import type { RecordStore } from './record.ts'

export interface Renewal {
  /** Aborts when a lease is lost to another process (`lease_lost`) or cannot be renewed (what renewing it threw). */
  readonly lost: AbortSignal
  /** Ends the renewing; resolves when nothing is being written any more. */
  stop(): Promise<void>
}

/**
 * Renews leases for as long as they are needed, several times in the time that they last. Ends by itself with the first that is
 * lost.
 */
export function keepRenewing(record: RecordStore, leases: readonly Lease[], everyMs = LEASE_MS / 5): Renewal {
  const lost = new AbortController()
  let busy: Promise<void> = Promise.resolve()
  const renew = async (): Promise<void> => {
    for (const lease of leases) {
      if (lost.signal.aborted) return
      if (!(await renewLease(record, lease))) lost.abort(leaseLost(lease.key))
    }
  }
  const timer = setInterval(() => {
    busy = busy.then(renew).catch((error: unknown) => lost.abort(error))
  }, everyMs)
  return {
    lost: lost.signal,
    async stop() {
      clearInterval(timer)
      await busy
    },
  }
}
