import { LEASE_MS, leaseLost, renewLease, type Lease } from './leases.ts'
import type { RecordStore } from './record.ts'

export interface Renewal {
  /** Aborts when a lease is lost to another process (reason `lease_lost`) or cannot be renewed (reason: the error). */
  readonly lost: AbortSignal
  /** Stops the renewal; resolves when no write is in progress any more. */
  stop(): Promise<void>
}

/** Renews leases every `everyMs` ms until stopped. Stops by itself once a lease is lost. */
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
