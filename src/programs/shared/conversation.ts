import { mkdir } from 'node:fs/promises'
import { randomId } from '../../core/ids.ts'
import type { Role } from '../../core/words.ts'
import type { JsonSchema } from '../../agents/port.ts'
import { ALONE, takeTurn, type TurnOutcome } from '../../agents/turn.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { taskMark } from '../../process/index.ts'
import {
  appendEvents,
  assertEpoch,
  changeSession,
  insertSession,
  listSessions,
  type SessionRow,
} from '../../record/index.ts'
import { runApprover } from './approvals.ts'
import { BudgetExceeded } from './budget.ts'
import type { RoleSetup } from './role.ts'
import type { ConversationServices } from './services.ts'
import { TurnRecord } from './turn-record.ts'

type Context = PhaseContext<ConversationServices>

/** What an agent is asked, and how it must answer. */
export interface Question {
  readonly role: Role
  readonly setup: RoleSetup
  readonly prompt: string
  /** null: free text. */
  readonly schema: JsonSchema | null
  readonly cwd: string
  readonly attempt: number
  /** Belay's id of the conversation to continue; null: start a new one. */
  readonly session: string | null
}

export interface Reply {
  readonly session: string
  readonly outcome: TurnOutcome
}

/**
 * Takes one turn of a conversation and stores it as it happens: session row, items and usage in the record, raw frames in the
 * session's file. Throws `BudgetExceeded` if a limit is reached during the turn, `lease_lost` if another process has taken the
 * task over.
 */
export async function converse(context: Context, question: Question): Promise<Reply> {
  const { services, task } = context
  const over = services.budget.exceeded()
  if (over) throw new BudgetExceeded(over)
  const { setup } = question
  const session = await openSession(context, question)
  const { role, attempt } = question
  const kept = new TurnRecord(context, session, { role, attempt, model: setup.model })
  const wall = services.budget.watchWall()
  try {
    await mkdir(services.sessions, { recursive: true, mode: 0o700 })
    const report = await takeTurn(
      setup.agent,
      {
        role: question.role,
        prompt: question.prompt,
        outputSchema: question.schema,
        cwd: question.cwd,
        env: setup.env,
        model: setup.model,
        effort: setup.effort,
        access: setup.access,
        command: setup.command,
        policy: setup.policy,
        services: setup.services,
        resume: setup.agent.capabilities.resume ? session.native : null,
        task: { handle: task.handle, title: task.title },
        attempt: question.attempt,
        run: services.run.id,
        mark: taskMark(services.run.id, task.handle, task.epoch),
        ...ALONE,
        approve: runApprover(context, question),
        standing: true,
      },
      { timeoutMs: setup.timeoutMs, stallMs: setup.stallMs },
      AbortSignal.any([context.signal, wall.signal]),
      (event) => kept.observe(event),
    )
    const late = wall.signal.aborted && report.outcome.status === 'interrupted' ? services.budget.exceeded() : null
    if (late !== null && !context.signal.aborted) throw new BudgetExceeded(late)
    await kept.close(report.outcome.status)
    return { session: session.id, outcome: report.outcome }
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error
    await kept.close('interrupted')
    throw new BudgetExceeded(error.reason, session.id)
  } finally {
    wall.dispose()
  }
}

async function openSession(context: Context, question: Question): Promise<SessionRow> {
  const { services, task } = context
  const { record, run } = services
  const known = (await listSessions(record.read, run.id, task.handle)).find((one) => one.id === question.session)
  if (known && known.cwd === question.cwd && known.provider === question.setup.agent.provider) {
    await record.write(async (tx) => {
      await assertEpoch(tx, run.id, task.handle, task.epoch)
      await changeSession(tx, known.id, { status: 'running', attempt: question.attempt, endedAt: null })
    })
    return known
  }
  const session = {
    id: `s-${randomId(10)}`,
    run: run.id,
    task: task.handle,
    role: question.role,
    provider: question.setup.agent.provider,
    model: question.setup.model,
    native: null,
    cwd: question.cwd,
    attempt: question.attempt,
  }
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    await insertSession(tx, record.now(), session)
    await appendEvents(tx, record.now(), [
      {
        type: 'session.started',
        project: services.project,
        run: run.id,
        task: task.handle,
        session: session.id,
        data: { role: session.role, provider: session.provider, model: session.model, attempt: session.attempt },
      },
    ])
  })
  const row = (await listSessions(record.read, run.id, task.handle)).find((one) => one.id === session.id)
  if (!row) throw new Error(`session ${session.id} was not stored`)
  return row
}
