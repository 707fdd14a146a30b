import { head } from '../../core/text.ts'
import { policyApprover, nobody } from '../../agents/approvals/policy-approver.ts'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../../agents/port.ts'
import { askedOf, contextOf, oneAtATime, questionOf, tooLong } from '../../agents/approvals/questions.ts'
import { closeCheckpoint, findCheckpoint, type NewEvent, type RecordStore } from '../../record/index.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import type { RoleSetup } from './role.ts'

type Context = PhaseContext<{ readonly record: RecordStore }>

/** Interval at which the record is checked for an answer, in ms. */
const LOOK_MS = 500
const MAX_TEXT = 2000

/**
 * Decides what an agent of a run asks permission for. The command policy decides first. What it leaves open is put to a person
 * through a checkpoint if the configuration says so (`policy.wait`), and is denied otherwise. null: the agent must not ask, and
 * keeps to its access by itself.
 */
export function runApprover(
  context: Context,
  { setup, cwd }: { readonly setup: RoleSetup; readonly cwd: string },
): Approver | null {
  const { agent, access, askMs = null } = setup
  if (access === 'read-only' || !agent.capabilities.approvals) return null
  const person = askMs === null ? nobody : askInRun(context, askMs)
  if (agent.judges === true) return askMs === null ? null : person
  const policy = async () => {
    const { createPolicy, policyRules } = await import('../../policy/index.ts')
    return createPolicy(policyRules(setup.policy))
  }
  let made: ReturnType<typeof policy> | undefined
  const confined = agent.isConfined === true
  return policyApprover({ policy: () => (made ??= policy()), cwd, access, confined, rest: 'allow' }, person)
}

/** The event for a decision: denials, and what a person decided. null: there is nothing to record. */
export function approvalEvent(
  request: ApprovalRequest,
  answer: ApprovalAnswer | null,
  attempt: number,
): NewEvent | null {
  if (answer === null) return null
  const byPerson = answer.reason.startsWith(BY_PERSON)
  if (answer.decision !== 'deny' && !byPerson) return null
  const what = (request.command ?? request.title).replace(/\s+/g, ' ').trim()
  const said = answer.decision === 'deny' ? 'denied' : 'allowed'
  return {
    type: 'item.approval',
    data: {
      id: request.id,
      status: answer.decision === 'deny' ? 'failed' : 'completed',
      text: `${said}: ${head(what, MAX_TEXT)} (${head(answer.reason, MAX_TEXT)})`,
      decision: answer.decision,
      kind: request.kind,
      command: request.command === null ? null : head(request.command, MAX_TEXT),
      reason: head(answer.reason, MAX_TEXT),
      attempt,
    },
  }
}

const BY_PERSON = 'a person said '

/**
 * Opens a checkpoint and waits for its answer. If Belay dies meanwhile, the phase starts again and the checkpoint is closed.
 */
function askInRun(context: Context, askMs: number): Approver {
  const { record } = context.services
  return oneAtATime(async (request, signal) => {
    const unshown = tooLong(request)
    if (unshown !== null) return { decision: 'deny', reason: unshown }
    const until = record.clock.now() + askMs
    const id = await context.ask({
      kind: 'approval',
      question: questionOf(request),
      options: ['allow', 'always', 'deny'],
      context: { ...contextOf(request), expires_at: new Date(until).toISOString() },
    })
    try {
      for (;;) {
        const asked = await findCheckpoint(record.read, id)
        if (asked?.status === 'answered') return askedOf(asked.answer ?? 'deny', asked.note)
        if (asked?.status !== 'open') return { decision: 'deny', reason: 'the question was withdrawn' }
        if (signal.aborted || context.signal.aborted) return { decision: 'deny', reason: 'it was withdrawn' }
        if (record.clock.now() >= until) return { decision: 'deny', reason: 'nobody answered in time' }
        await sleep(Math.min(LOOK_MS, until - record.clock.now()), signal)
      }
    } finally {
      await record.write((tx) => closeCheckpoint(tx, id, record.now()))
    }
  })
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = (): void => resolve()
  const timer = setTimeout(done, Math.max(1, ms))
  signal.addEventListener('abort', done, { once: true })
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', done)
}
