import { formatDuration } from '../../core/duration.ts'
import type { Reason } from '../../core/words.ts'
import type { Phase, PhaseResult } from '../../kernel/index.ts'
import { endEarlier } from '../../process/index.ts'
import { backoffOf, isComposite, isRetried, type Composite } from '../../workflows/index.ts'
import { FAILED, failStep, finishStep } from './finish.ts'
import { STEPS_INSIDE, STEP_TIMEOUT } from './reasons.ts'
import { stepLevel, type Context, type WorkflowServices } from './services.ts'
import { stateOf, withState } from './state.ts'
import { insideOf } from './walk.ts'

/** A merge only uses existing commits, so repeating it after a crash gives the same tree. */
export const join: Phase<WorkflowServices> = {
  does: 'takes together what the steps inside have come to; lines of work are merged',
  deadlineMs: () => 30 * 60_000,
  run: gather,
  on: {
    joined: { end: 'done' },
    early: { pause: 'suspended', at: 'join' },
    again: { pause: 'suspended', at: 'enter' },
    ...FAILED,
  },
}

async function gather(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const { state } = stepLevel(context)
  if (!isComposite(state)) throw new Error(`step ${task.handle} has no steps inside`)
  const { end, lines } = insideOf(await services.steps(), state, task)
  const { base, until } = stateOf(task)
  switch (end.kind) {
    case 'open':
    case 'stuck': {
      if (until === null || Date.parse(until) > services.record.clock.now()) {
        return { outcome: 'early', reason: { code: STEPS_INSIDE, message: 'waits for the steps inside of it' } }
      }
      await endInside(context)
      const message = `it was not done in ${formatDuration(state.timeoutMs ?? 0)}`
      return againOrFailed(context, state, { code: STEP_TIMEOUT, message }, base)
    }
    case 'failed': {
      const { code, message, step } = end.error
      return againOrFailed(context, state, { code, message: inStep(message, step) }, end.tip, step)
    }
    case 'done': {
      const joined = lines.length === 0 ? { tip: end.tip } : await services.places.join(context, base, lines)
      if ('conflict' in joined) {
        return againOrFailed(context, state, { code: 'merge_conflict', message: joined.conflict }, base)
      }
      return finishStep(context, { outcome: 'joined', state, output: end.output, tip: joined.tip })
    }
  }
}

/**
 * Ends the processes of inner steps that were given up, so that they do not keep working in the folder that the next step gets.
 */
async function endInside({ task, services }: Context): Promise<void> {
  for (const { handle, epoch, reason } of await services.steps()) {
    if (reason?.code === STEP_TIMEOUT && handle.startsWith(`${task.handle}.`)) {
      await endEarlier(services.run.id, handle, epoch)
    }
  }
}

/** Starts the state over after a pause, as its `retry` says, or fails it. */
function againOrFailed(
  context: Context,
  state: Composite,
  reason: Reason,
  tip: string | null,
  step?: string,
): PhaseResult {
  const { task, services } = context
  const tries = stateOf(task).tries + 1
  if (state.retry === undefined || !isRetried(state, tries, reason.code)) {
    const told = tries === 1 ? reason : { ...reason, message: `${reason.message} (given up after ${tries} tries)` }
    return failStep(context, told, {}, tip, step)
  }
  const at = new Date(services.record.clock.now() + backoffOf(state.retry, tries)).toISOString()
  return {
    outcome: 'again',
    reason: { code: reason.code, message: `${reason.message}; tried again at ${at}` },
    state: withState(stateOf(task), { tries, items: null, until: null }),
    change: { wakeAt: at },
  }
}

function inStep(message: string, step: string): string {
  return message.startsWith('step ') ? message : `step ${step}: ${message}`
}
