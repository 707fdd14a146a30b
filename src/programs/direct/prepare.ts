import { taskBranch } from '../../git/refs.ts'
import type { Phase } from '../../kernel/index.ts'
import type { DirectServices } from './services.ts'
import { stateOf, withState } from './state.ts'

/** A workspace on the newest state of result, made usable. */
export const prepare: Phase<DirectServices> = {
  does: 'leases a workspace at the tip of result and makes it usable (setup, copied files)',
  deadlineMs: () => 4 * 3_600_000,
  async run(context) {
    const { task, services } = context
    const base = await services.landing.tip()
    await services.workspaces.makeWork(context, base)
    return {
      outcome: 'ready',
      state: withState(stateOf(task), { base, snapshot: null, candidate: null, session: null }),
      change: { branch: taskBranch(services.run.id, task.handle) },
    }
  },
  on: { ready: { to: 'baseline' } },
}
