import type { PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { NO_FAULTS, judgeFailure, type Failure } from '../shared/faults.ts'
import type { DirectServices } from './services.ts'
import { withState, type DirectState } from './state.ts'

/**
 * What becomes of a task whose agent's turn did not complete: suspended until the quota is back or the fault may have
 * passed, or blocked when waiting does not help. No attempt is counted. A turn interrupted from outside throws the signal's
 * reason instead, so that the phase is simply run again.
 */
export function afterFailure(context: PhaseContext<DirectServices>, state: DirectState, failure: Failure): PhaseResult {
  context.signal.throwIfAborted()
  const after = judgeFailure(failure, state, context.services.record.clock.now())
  if (after.kind === 'stop') return { outcome: 'failed', reason: after.reason, state: withState(state, NO_FAULTS) }
  return {
    outcome: after.outcome,
    reason: after.reason,
    state: withState(state, after.history),
    change: { wakeAt: new Date(after.at).toISOString(), faults: context.task.faults + 1 },
  }
}
