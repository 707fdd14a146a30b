import type { Phase, PhaseResult } from '../../kernel/index.ts'
import { isComposite } from '../../workflows/index.ts'
import { FAILED, failStep, finishStep } from './finish.ts'
import { STEPS_INSIDE } from './reasons.ts'
import { stepLevel, type Context, type WorkflowServices } from './services.ts'
import { stateOf } from './state.ts'
import { insideOf } from './walk.ts'

/** A merge is made of commits that are there already: made again after a crash it has the same tree. */
export const join: Phase<WorkflowServices> = {
  does: 'takes together what the steps inside have come to; lines of work are merged',
  deadlineMs: () => 30 * 60_000,
  run: gather,
  on: { joined: { end: 'done' }, early: { pause: 'suspended', at: 'join' }, ...FAILED },
}

async function gather(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const { state } = stepLevel(context)
  if (!isComposite(state)) throw new Error(`step ${task.handle} has no steps inside`)
  const { end, lines } = insideOf(await services.steps(), state, task)
  switch (end.kind) {
    case 'open':
    case 'stuck':
      return { outcome: 'early', reason: { code: STEPS_INSIDE, message: 'waits for the steps inside of it' } }
    case 'failed': {
      const { code, message, step } = end.error
      return failStep(context, { code, message: inStep(message, step) }, {}, end.tip, step)
    }
    case 'done': {
      const joined =
        lines.length === 0 ? { tip: end.tip } : await services.places.join(context, stateOf(task).base, lines)
      if ('conflict' in joined) {
        return failStep(context, { code: 'merge_conflict', message: joined.conflict }, {}, stateOf(task).base)
      }
      return finishStep(context, { outcome: 'joined', state, output: end.output, tip: joined.tip })
    }
  }
}

function inStep(message: string, step: string): string {
  return message.startsWith('step ') ? message : `step ${step}: ${message}`
}
