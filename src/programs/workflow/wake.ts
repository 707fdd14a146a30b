import type { Phase, PhaseResult } from '../../kernel/index.ts'
import { TIMER } from './reasons.ts'
import { stateOfType, type Context, type WorkflowServices } from './services.ts'
import { FAILED, finishStep } from './finish.ts'
import { stateOf } from './state.ts'

export const wake: Phase<WorkflowServices> = {
  does: 'goes on when the time has come',
  deadlineMs: () => 60_000,
  run: look,
  on: { over: { end: 'done' }, early: { pause: 'suspended', at: 'wake' }, ...FAILED },
}

async function look(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const { base, input } = stateOf(task)
  const until = (input as { readonly until: string }).until
  if (Date.parse(until) > services.record.clock.now()) {
    return { outcome: 'early', change: { wakeAt: until }, reason: { code: TIMER, message: `waits until ${until}` } }
  }
  return finishStep(context, { outcome: 'over', state: stateOfType(context, 'timer'), output: { until }, tip: base })
}
