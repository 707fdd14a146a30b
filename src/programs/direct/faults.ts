import { formatDuration } from '../../core/duration.ts'
import type { Reason } from '../../core/words.ts'
import type { TurnOutcome } from '../../agents/turn.ts'
import type { PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { BudgetExceeded } from '../shared/budget.ts'
import type { DirectServices } from './services.ts'
import { withState, type DirectState } from './state.ts'

/** Agent failures in a row after which a person has to look. */
const MAX_FAULTS = 3
/** Failures of the model's service are waited out longer. */
const MAX_PROVIDER_FAULTS = 8
const FIRST_FAULT_DELAY_MS = 1000
const FIRST_QUOTA_DELAY_MS = 60_000
const LONGEST_QUOTA_DELAY_MS = 3_600_000
/** A quota that names no time is waited for at most this long. */
const QUOTA_PATIENCE_MS = 24 * 3_600_000

type Failure = Exclude<TurnOutcome, { status: 'completed' }>

/**
 * What becomes of a task whose agent's turn did not complete: suspended until the quota is back or the fault may have
 * passed, or blocked when waiting does not help. No attempt is counted. A turn interrupted from outside throws the signal's
 * reason instead, so that the phase is simply run again.
 */
export function afterFailure(context: PhaseContext<DirectServices>, state: DirectState, failure: Failure): PhaseResult {
  context.signal.throwIfAborted()
  const now = context.services.record.clock.now()
  const since = state.faultingSince === null ? now : Date.parse(state.faultingSince)
  const faults = state.faults + 1
  const next = withState(state, { faults, faultingSince: new Date(since).toISOString() })
  const reason = reasonOf(failure)
  const kind = failure.status === 'failed' ? failure.error.code : failure.status
  const blocked: PhaseResult = { outcome: 'failed', reason, state: withState(state, { faults: 0, faultingSince: null }) }
  const suspend = (at: number, outcome: 'quota' | 'fault'): PhaseResult => ({
    outcome,
    state: next,
    reason: { code: reason.code, message: `${reason.message}; goes on at ${new Date(at).toISOString()}` },
    change: { wakeAt: new Date(at).toISOString(), faults: context.task.faults + 1 },
  })
  if (kind === 'auth' || kind === 'spawn') return blocked
  if (kind === 'quota' || kind === 'rate_limit') {
    const named = failure.status === 'failed' && failure.error.retryAt !== null ? Date.parse(failure.error.retryAt) : null
    if (named !== null && Number.isFinite(named)) return suspend(Math.max(named, now), 'quota')
    if (now - since >= QUOTA_PATIENCE_MS) return blocked
    return suspend(now + Math.min(FIRST_QUOTA_DELAY_MS * 2 ** (faults - 1), LONGEST_QUOTA_DELAY_MS), 'quota')
  }
  const limit = kind === 'provider' ? MAX_PROVIDER_FAULTS : MAX_FAULTS
  if (faults >= limit) return blocked
  return suspend(now + Math.min(FIRST_FAULT_DELAY_MS * 2 ** (faults - 1), 60_000), 'fault')
}

function reasonOf(failure: Failure): Reason {
  if (failure.status === 'failed') {
    const { code, message, stderrTail } = failure.error
    const stderr = stderrTail.trim()
    return { code: `agent_${code}`, message: stderr === '' ? message : `${message}: ${stderr.slice(-1000)}` }
  }
  if (failure.status === 'interrupted') return { code: 'agent_interrupted', message: 'the agent ended its turn early' }
  const after = formatDuration(failure.afterMs)
  return failure.status === 'stall'
    ? { code: 'agent_stall', message: `the agent said nothing for too long and was ended (turn took ${after})` }
    : { code: 'agent_timeout', message: `the agent's turn took longer than allowed and was ended after ${after}` }
}

/** A task whose run has no budget left: suspended until somebody raises it. Anything else is thrown on. */
export function afterBudget(error: unknown): PhaseResult {
  if (error instanceof BudgetExceeded) return { outcome: 'budget', reason: error.reason }
  throw error
}
