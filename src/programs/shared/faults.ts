import { formatDuration } from '../../core/duration.ts'
import type { Reason } from '../../core/words.ts'
import type { TurnErrorCode } from '../../agents/port.ts'
import type { TurnOutcome } from '../../agents/turn.ts'
import type { PhaseResult } from '../../kernel/index.ts'
import { BudgetExceeded } from './budget.ts'

/** Number of consecutive agent failures after which a person has to look. */
const MAX_FAULTS = 3
/** The same for failures of the model's service, which are waited out for longer. */
const MAX_PROVIDER_FAULTS = 8
const FIRST_FAULT_DELAY_MS = 1000
const LONGEST_FAULT_DELAY_MS = 60_000
const FIRST_QUOTA_DELAY_MS = 60_000
const LONGEST_QUOTA_DELAY_MS = 3_600_000
/** Longest total wait for a quota whose error names no time. */
const QUOTA_PATIENCE_MS = 24 * 3_600_000

/** Reason codes of tasks that wait for their agent's provider. */
export const QUOTA_REASONS: ReadonlySet<string> = new Set(['agent_quota', 'agent_rate_limit'])

/** A turn that did not complete. */
export type Failure = Exclude<TurnOutcome, { status: 'completed' }>

/** A named time further in the past than this is ignored. */
const STALE_TIME_MS = 60_000

/** Number of consecutive failures of one task and when they began, for backoff. */
export interface FaultHistory {
  readonly faults: number
  readonly faultingSince: string | null
}

export const NO_FAULTS: FaultHistory = { faults: 0, faultingSince: null }

/** What happens to a task after a failure: it waits until `at` (ms since the epoch), or stops because waiting does not help. */
export type Aftermath =
  | { readonly kind: 'stop'; readonly reason: Reason }
  | {
      readonly kind: 'wait'
      readonly outcome: 'quota' | 'fault'
      readonly at: number
      readonly reason: Reason
      readonly history: FaultHistory
    }

/** The kind of a failure: the agent's error code, or how Belay ended the turn. */
export function kindOf(failure: Failure): TurnErrorCode | 'interrupted' | 'timeout' | 'stall' {
  return failure.status === 'failed' ? failure.error.code : failure.status
}

/** Decides by the kind of a failure and by the ones before it. None of them counts as an attempt. */
export function judgeFailure(failure: Failure, before: FaultHistory, now: number): Aftermath {
  const since = before.faultingSince === null ? now : Date.parse(before.faultingSince)
  const faults = before.faults + 1
  const reason = reasonOf(failure)
  const kind = kindOf(failure)
  const wait = (at: number, outcome: 'quota' | 'fault'): Aftermath => ({
    kind: 'wait',
    outcome,
    at,
    reason: { code: reason.code, message: `${reason.message}; goes on at ${new Date(at).toISOString()}` },
    history: { faults, faultingSince: new Date(since).toISOString() },
  })
  if (kind === 'auth' || kind === 'spawn') return { kind: 'stop', reason }
  if (kind === 'quota' || kind === 'rate_limit') {
    const named =
      failure.status === 'failed' && failure.error.retryAt !== null ? Date.parse(failure.error.retryAt) : Number.NaN
    // A time that has passed, or that is named again and again, must not cause a flood of tries.
    if (Number.isFinite(named) && named > now - STALE_TIME_MS)
      return wait(Math.max(named, now + backoffMs(faults)), 'quota')
    if (now - since >= QUOTA_PATIENCE_MS) return { kind: 'stop', reason }
    return wait(now + quotaDelayMs(faults), 'quota')
  }
  if (faults >= (kind === 'provider' ? MAX_PROVIDER_FAULTS : MAX_FAULTS)) return { kind: 'stop', reason }
  return wait(now + backoffMs(faults), 'fault')
}

/** Delay after the `n`th failure (from 1), in ms: 1 s, doubling, at most a minute. */
export function backoffMs(n: number): number {
  return Math.min(FIRST_FAULT_DELAY_MS * 2 ** (n - 1), LONGEST_FAULT_DELAY_MS)
}

/** Delay after the `n`th quota error (from 1) that named no time, in ms: a minute, doubling, at most an hour. */
export function quotaDelayMs(n: number): number {
  return Math.min(FIRST_QUOTA_DELAY_MS * 2 ** (n - 1), LONGEST_QUOTA_DELAY_MS)
}

/** Failures that the provider itself described: the program's stderr would only hide that text. */
const TOLD_BY_PROVIDER: ReadonlySet<TurnErrorCode> = new Set(['rate_limit', 'quota', 'auth', 'provider'])

export function reasonOf(failure: Failure): Reason {
  if (failure.status === 'failed') {
    const { code, message, stderrTail } = failure.error
    const stderr = TOLD_BY_PROVIDER.has(code) ? '' : stderrTail.trim()
    return { code: `agent_${code}`, message: stderr === '' ? message : `${message}: ${stderr.slice(-1000)}` }
  }
  if (failure.status === 'interrupted') return { code: 'agent_interrupted', message: 'the agent ended its turn early' }
  const after = formatDuration(failure.afterMs)
  return failure.status === 'stall'
    ? { code: 'agent_stall', message: `the agent was silent for too long and was ended (the turn took ${after})` }
    : { code: 'agent_timeout', message: `the agent's turn took longer than allowed and was ended after ${after}` }
}

/** The result for a task whose run has no budget left: suspended until somebody raises it. Rethrows any other error. */
export function afterBudget(error: unknown): PhaseResult {
  if (error instanceof BudgetExceeded) return { outcome: 'budget', reason: error.reason }
  throw error
}
