/** What a run knows about agents that cannot take turns, and until when; kept in the record. */
import { createHash } from 'node:crypto'
import type { TurnErrorCode } from '../../agents/port.ts'
import type { Role } from '../../core/words.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { appendEvents, assertEpoch, dropOutage, listOutages, putOutage, type OutageRow } from '../../record/index.ts'
import type { ConversationServices } from './services.ts'
import { quotaDelayMs, reasonOf, type Failure } from './faults.ts'
import { nameOf, type RoleSetup } from './role.ts'

type Context = PhaseContext<ConversationServices>

/** An agent that could not take a turn. */
export interface Outage extends OutageRow {
  readonly errorCode: TurnErrorCode
}

/**
 * Failures after which another agent takes over. Rate limits and provider failures are not among them: they pass, and are
 * waited out.
 */
const CODES: ReadonlySet<TurnErrorCode> = new Set(['quota', 'spawn', 'auth'])

/** Whether another agent should take the turn. */
export function isOutage(failure: Failure): boolean {
  return failure.status === 'failed' && CODES.has(failure.error.code)
}

/**
 * `now`: the outage that keeps this agent from taking a turn, or null. `over`: a stored outage whose time has passed, or null.
 */
export async function outageOf(
  { services }: Context,
  role: Role,
  setup: RoleSetup,
): Promise<{ readonly now: Outage | null; readonly over: OutageRow | null }> {
  const { record, run } = services
  const key = keyOf(role, setup)
  const row = (await listOutages(record.read, run.id)).find((one) => one.key === key) ?? null
  if (row === null) return { now: null, over: null }
  if (row.until !== null && Date.parse(row.until) <= record.clock.now()) return { now: null, over: row }
  return { now: { ...row, errorCode: row.code.replace(/^agent_/, '') as TurnErrorCode }, over: null }
}

/** Stores an outage with its event. From then on the agent is skipped, also by later processes. */
export async function rememberOutage(
  { services, task }: Context,
  role: Role,
  setup: RoleSetup,
  met: { readonly failure: Failure; readonly session: string | null; readonly attempt: number },
): Promise<Outage> {
  const { record, run, project } = services
  if (met.failure.status !== 'failed') throw new Error(`a turn that ended as ${met.failure.status} is no outage`)
  const { code: errorCode, retryAt } = met.failure.error
  const { code, message } = reasonOf(met.failure)
  const key = keyOf(role, setup)
  return record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    const times = ((await listOutages(tx, run.id)).find((one) => one.key === key)?.times ?? 0) + 1
    const now = record.clock.now()
    const named = retryAt !== null && Date.parse(retryAt) > now
    const until = errorCode !== 'quota' ? null : named ? retryAt : new Date(now + quotaDelayMs(times)).toISOString()
    const agent = nameOf(setup)
    const row = { run: run.id, key, role, agent, code, message, until, named, times, session: met.session }
    await putOutage(tx, record.now(), row)
    const data = { attempt: met.attempt, role, agent, reason: { code, message }, until }
    const owner = { project, run: run.id, task: task.handle, ...(met.session === null ? {} : { session: met.session }) }
    await appendEvents(tx, record.now(), [{ ...owner, type: 'agent.unavailable', actor: role, data }])
    return { ...row, errorCode }
  })
}

/** Ends an outage, with its event, because the agent has answered again. */
export async function endOutage({ services, task }: Context, outage: OutageRow): Promise<void> {
  const { record, run, project } = services
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    await dropOutage(tx, run.id, outage.key)
    const data = { role: outage.role, agent: outage.agent, because: 'answered' }
    await appendEvents(tx, record.now(), [
      { type: 'agent.available', project, run: run.id, task: task.handle, actor: outage.role, data },
    ])
  })
}

/** The failure to report when no agent is left: that of the agent that is back first, else that of the role's own agent. */
export function failureOf(outages: readonly Outage[]): Failure {
  const [first] = outages
  if (first === undefined) throw new Error('no agent is missing')
  const back = outages.reduce((least, one) =>
    one.until !== null && (least.until === null || one.until < least.until) ? one : least,
  )
  const { errorCode: code, message, until, named } = back
  return { status: 'failed', error: { code, message, retryAt: named ? until : null, stderrTail: '' } }
}

function keyOf(role: Role, { agent, model, command }: RoleSetup): string {
  return createHash('sha256')
    .update(JSON.stringify([role, agent.provider, model, command]))
    .digest('hex')
}
