import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { afterBudget } from '../shared/faults.ts'
import { proveBase } from './prove-base.ts'
import type { DirectServices } from './services.ts'
import { stateOf } from './state.ts'

/** Finds out what the gates report before anything is changed. */
export const baseline: Phase<DirectServices> = {
  does: 'runs the gates on the base commit, unless it is known what they say there',
  deadlineMs: ({ settings }) => settings.gates.reduce((sum, gate) => sum + 2 * gate.timeoutMs, 0) + 2 * 3_600_000,
  run: (context) => learn(context).catch(afterBudget),
  on: { known: { to: 'implement' }, budget: { pause: 'suspended', at: 'baseline' } },
}

async function learn(context: PhaseContext<DirectServices>): Promise<PhaseResult> {
  const { base } = stateOf(context.task)
  if (base === null) throw new Error(`task ${context.task.handle} came to baseline without a base`)
  return { outcome: 'known', ...(await proveBase(context, base)) }
}
