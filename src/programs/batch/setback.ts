import type { Reason } from '../../core/words.ts'
import type { PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { appendEvents, assertEpoch, beginAttempt } from '../../record/index.ts'
import { NO_FAULTS, backoffMs } from '../shared/faults.ts'
import type { BatchServices } from './services.ts'
import { stateOf, withState } from './state.ts'

type Context = PhaseContext<BatchServices>

/** Stores the attempt's row before the agent starts, so that a crash leaves a trace of the attempt. */
export async function beginTry({ services, task }: Context, attempt: number): Promise<void> {
  const { record, run } = services
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    await beginAttempt(tx, run.id, task.handle, attempt, record.now())
    await appendEvents(tx, record.now(), [
      { type: 'attempt.started', project: services.project, run: run.id, task: task.handle, data: { attempt } },
    ])
  })
}

/** How many attempts the file has left. */
export function attemptsLeft({ services, task }: Context): number {
  return services.settings.maxAttempts + task.extraAttempts - task.attempt
}

/**
 * The result for a file whose attempt (already begun, not yet counted) failed: another try after a backoff and after all other
 * files, or `exhausted` if this was the last attempt.
 */
export function afterFailedTry(context: Context, reason: Reason, session?: string): PhaseResult {
  const { services, task } = context
  const attempt = task.attempt + 1
  const state = withState(stateOf(task), { ...NO_FAULTS, setback: reason.message })
  const common = {
    state,
    attemptOutcome: reason.code,
    ...(session === undefined ? {} : { attemptSession: session }),
  }
  if (attemptsLeft(context) <= 1) {
    const message = `${reason.message} (given up after ${attempt} ${attempt === 1 ? 'attempt' : 'attempts'})`
    return { ...common, outcome: 'exhausted', reason: { code: reason.code, message }, change: { attempt } }
  }
  const at = new Date(services.record.clock.now() + backoffMs(attempt)).toISOString()
  return {
    ...common,
    outcome: 'again',
    reason: { code: reason.code, message: `${reason.message}; tried again after the other files` },
    change: { attempt, wakeAt: at },
  }
}

/** The result for a file with no attempt left, because its attempts are used up or the limit was lowered. */
export function noneLeft({ task }: Context): PhaseResult {
  const last = stateOf(task).setback
  const message = `not done after ${task.attempt} ${task.attempt === 1 ? 'attempt' : 'attempts'}${last === null ? '' : `: ${last}`}`
  return { outcome: 'exhausted', reason: { code: 'attempts_exhausted', message } }
}
