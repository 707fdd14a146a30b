import type { PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { listTasks, type TaskRow } from '../../record/index.ts'
import { NO_FAULTS, QUOTA_REASONS, judgeFailure, type Failure } from '../shared/faults.ts'
import type { RoleSetup } from '../shared/role.ts'
import type { DirectServices } from './services.ts'
import { stateOf, withState, type DirectState } from './state.ts'

/**
 * The result for a task whose agent's turn did not complete: suspended until the quota is back or the fault may have passed, or
 * blocked when waiting does not help. No attempt is counted. If the turn was interrupted from outside, throws the signal's
 * reason, so that the phase is run again.
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

/**
 * Suspends a task whose turn is about to begin while another task of the run waits for a quota of the same agent: it waits
 * until the same time, without asking the agent. null: no task waits. The answer comes from the record, so it holds after a
 * restart. It ends when the waiting task is resumed, which its user may do early.
 */
export async function waitForQuota(
  { task, services }: PhaseContext<DirectServices>,
  role: keyof DirectServices['roles'],
): Promise<PhaseResult | null> {
  const { record, run, roles } = services
  // With failover, another agent takes the turn; outages are then tracked separately (shared/outages.ts).
  if ((roles[role].failover ?? []).length > 0) return null
  const now = record.clock.now()
  let last: { readonly at: number; readonly met: TaskRow } | null = null
  for (const met of await listTasks(record.read, run.id)) {
    const at = met.wakeAt === null ? now : Date.parse(met.wakeAt)
    if (met.handle === task.handle || met.status !== 'suspended' || at <= now || (last !== null && at <= last.at))
      continue
    // Tasks that are held back by this function have not hit the quota themselves.
    if (!QUOTA_REASONS.has(met.reason?.code ?? '') || stateOf(met).faults === 0) continue
    const theirs = met.phase === 'review' ? roles.reviewer : roles.implementer
    if (isSameQuota(roles[role], theirs, met.reason?.code ?? '')) last = { at, met }
  }
  if (last === null) return null
  const until = new Date(last.at).toISOString()
  const message = `${roles[role].agent.provider} has reached a limit, which task ${last.met.handle} met; goes on at ${until}`
  return {
    outcome: 'quota',
    reason: { code: last.met.reason?.code ?? 'agent_quota', message },
    change: { wakeAt: until, faults: task.faults + 1 },
  }
}

/** A quota belongs to an account, which program and environment determine; a rate limit often belongs to the model. */
function isSameQuota(a: RoleSetup, b: RoleSetup, code: string): boolean {
  const key = ({ agent, command, env, model }: RoleSetup): string =>
    JSON.stringify([agent.provider, command, env, code === 'agent_rate_limit' ? model : null])
  return key(a) === key(b)
}
