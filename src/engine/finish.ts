import { retryTime, type Failure, type FailureKind } from './model/failure.ts'

/** Why a turn ended. Only `agent_done` is a success. */
export const FINISH_REASONS = [
  'agent_done', // the model answered without asking for a tool
  'max_steps', // the limit of model calls was reached
  'cancelled', // it was asked to stop
  'timeout', // its time was used up
  'budget_tokens',
  'budget_usd',
  'doom_loop', // it went on repeating itself after it was told
  'quota', // the account's allowance is used up; see retryAt
  'rate_limit', // too many requests, and waiting did not help
  'auth', // the key was refused
  'refused', // the model declined to answer
  'invalid_output', // no answer fitted the output schema, after two re-asks
  'setup_error', // something it needs could not be made ready
  'error', // anything else: the provider failed, the conversation does not fit
] as const
export type FinishReason = (typeof FINISH_REASONS)[number]

export interface Finish {
  readonly reason: FinishReason
  /** With `error`: what failed, when it was the model's service. */
  readonly fault: FailureKind | null
  /** One sentence for people. */
  readonly message: string
  /** ISO time when another try makes sense, for `quota` and `rate_limit`. */
  readonly retryAt: string | null
}

/** An end for a reason of Belay's own. */
export function ended(reason: FinishReason, message: string): Finish {
  return { reason, message, retryAt: null, fault: null }
}

/** The end of a turn whose model call failed for good. */
export function endedBy(failure: Failure): Finish {
  const { kind, asked } = failure
  const message = asked === undefined ? failure.message : `${failure.message} (${asked})`
  // A limit that opens again only after the longest wait is a schedule, not a hiccup.
  if (kind === 'quota' || kind === 'rate_limit') {
    return { reason: kind, message, retryAt: retryTime(failure), fault: kind }
  }
  return { reason: kind === 'auth' || kind === 'refused' ? kind : 'error', message, retryAt: null, fault: kind }
}
