import { retryTime, type Failure, type FailureKind } from './model/failure.ts'

/** Why a turn ended. Only `agent_done` is a success. */
export const FINISH_REASONS = [
  'agent_done', // the model answered without asking for a tool
  'max_steps', // the limit of model calls was reached
  'cancelled', // the turn was asked to stop
  'timeout', // the turn's time was used up
  'budget_tokens',
  'budget_usd',
  'doom_loop', // the model kept repeating itself after a warning
  'quota', // the account's allowance is used up; see retryAt
  'rate_limit', // too many requests, and waiting did not help
  'auth', // the key was refused
  'refused', // the model declined to answer
  'invalid_output', // no answer matched the output schema, even after the model was asked again
  'setup_error', // something that the turn needs could not be prepared
  'error', // anything else: the model's service failed, or the conversation does not fit its window
] as const
export type FinishReason = (typeof FINISH_REASONS)[number]

export interface Finish {
  readonly reason: FinishReason
  /** With `error`: the kind of failure, if the model's service failed; otherwise null. */
  readonly fault: FailureKind | null
  /** One sentence for people. */
  readonly message: string
  /** ISO time at which another try makes sense, for `quota` and `rate_limit`; null: not known. */
  readonly retryAt: string | null
}

/** An end for which no model call is to blame. */
export function ended(reason: FinishReason, message: string): Finish {
  return { reason, message, retryAt: null, fault: null }
}

/** The end of a turn whose model call finally failed. */
export function endedBy(failure: Failure): Finish {
  const { kind, asked } = failure
  const message = asked === undefined ? failure.message : `${failure.message} (${asked})`
  // Waiting within the turn made no sense or did not help: the caller gets the time that the service named.
  if (kind === 'quota' || kind === 'rate_limit') {
    return { reason: kind, message, retryAt: retryTime(failure), fault: kind }
  }
  return { reason: kind === 'auth' || kind === 'refused' ? kind : 'error', message, retryAt: null, fault: kind }
}
