import type { Failure } from './failure.ts'

export interface RetryPolicy {
  /** Tries after the first. */
  readonly retries: number
  /** Wait before the first of them, in ms; doubles each time. */
  readonly baseMs: number
  /** Longest wait; a service that wants longer ends the turn with its time. */
  readonly maxMs: number
}

export const DEFAULT_RETRY: RetryPolicy = { retries: 5, baseMs: 1000, maxMs: 60_000 }

/**
 * How long to wait before try number `attempt` (from 1), or null when there is no use in it. What the service asks for is kept
 * to; else it is exponential with jitter, so that many agents do not come back at once.
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
