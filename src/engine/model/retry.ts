import type { Failure } from './failure.ts'

export interface RetryPolicy {
  /** Tries after the first. */
  readonly retries: number
  /** Delay before the first retry, in ms; it doubles each time. */
  readonly baseMs: number
  /** Longest delay, in ms. A service that asks for more ends the turn, with its time. */
  readonly maxMs: number
}

export const DEFAULT_RETRY: RetryPolicy = { retries: 5, baseMs: 1000, maxMs: 60_000 }

/**
 * The delay in ms before retry number `attempt` (from 1); null: a retry makes no sense. A delay that the service asks for is
 * honoured. Otherwise it is exponential, with jitter so that many agents do not retry at once.
 */
export function delayBefore(attempt: number, failure: Failure, policy: RetryPolicy, now: number): number | null {
  if (!failure.retryable || attempt > policy.retries) return null
  if (failure.retryAt !== null) {
    const asked = Math.max(0, failure.retryAt - now)
    return asked > policy.maxMs ? null : asked
  }
  const delay = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1))
  return Math.round(delay * (0.75 + Math.random() * 0.25))
}
