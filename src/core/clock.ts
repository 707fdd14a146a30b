/** The clock as a port, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Resolves at the time `at` (ms since the epoch), at once if that has passed; rejects with the signal's reason on abort. */
  sleepUntil(at: number, signal?: AbortSignal): Promise<void>
}

const LONGEST_TIMER_MS = 2_147_483_647

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleepUntil(at, signal) {
    for (let left = at - Date.now(); left > 0; left = at - Date.now()) {
      await sleep(Math.min(left, LONGEST_TIMER_MS), signal)
    }
  },
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** A time as ISO 8601 in UTC, the form used in the record and in `--json`. */
export function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** Like `iso`, for a time from outside: null if no date is that far from the epoch, or `ms` is no number. */
export function isoOrNull(ms: number): string | null {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}
