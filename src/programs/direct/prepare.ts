import { taskBranch } from '../../git/refs.ts'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { afterBudget } from '../shared/faults.ts'
import type { DirectServices } from './services.ts'
import { stateOf, withState } from './state.ts'

/** Leases a workspace at the tip of the result branch and makes it usable. */
export const prepare: Phase<DirectServices> = {
  does: 'leases a workspace at the tip of result and makes it usable (setup, copied files)',
  deadlineMs: () => 4 * 3_600_000,
  run: (context) => makeReady(context).catch(afterBudget),
  on: { ready: { to: 'baseline' }, budget: { pause: 'suspended', at: 'prepare' } },
}

async function makeReady(context: PhaseContext<DirectServices>): Promise<PhaseResult> {
  const { task, services } = context
  const base = await services.landing.tip()
  await services.workspaces.makeWork(context, base)
  return {
    outcome: 'ready',
    state: withState(stateOf(task), { base, snapshot: null, candidate: null, session: null }),
    change: { branch: taskBranch(services.run.id, task.handle) },
  }
}
