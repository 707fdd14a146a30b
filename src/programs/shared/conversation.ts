import { appendFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { head } from '../../core/text.ts'
import type { Role, Usage } from '../../core/words.ts'
import type { ApprovalAnswer, ApprovalRequest, Item, JsonSchema, TurnEvent } from '../../agents/port.ts'
import { ALONE, takeTurn, type TurnOutcome } from '../../agents/turn.ts'
import { TurnCost } from '../../agents/turn-cost.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { taskMark } from '../../process/index.ts'
import {
  addUsage,
  appendEvents,
  assertEpoch,
  changeSession,
  insertSession,
  listSessions,
  type NewEvent,
  type RecordStore,
  type SessionRow,
} from '../../record/index.ts'
import { approvalEvent, runApprover } from './approvals.ts'
import { BudgetExceeded, type Budget } from './budget.ts'
import type { RoleSetup } from './role.ts'

/** What a conversation needs from its program's services. */
export interface ConversationServices {
  readonly record: RecordStore
  readonly project: string
  readonly run: { readonly id: string }
  readonly budget: Budget
  /** Folder for session files. */
  readonly sessions: string
}

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

/** Longest text of an item in the record, in characters; the raw file has all of it. */
const MAX_ITEM_TEXT = 8000
/** Most items of one turn in the record; further ones are only in the raw file. */
const MAX_ITEMS = 2000
/** Longest total of raw frames kept per turn, in characters. */
const MAX_RAW = 64 << 20

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
  const keeper = new TurnKeeper(context, session, question)
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
      (event) => keeper.observe(event),
    )
    const late = wall.signal.aborted && report.outcome.status === 'interrupted' ? services.budget.exceeded() : null
    if (late !== null && !context.signal.aborted) throw new BudgetExceeded(late)
    await keeper.close(report.outcome.status)
    return { session: session.id, outcome: report.outcome }
  } catch (error) {
    if (!(error instanceof BudgetExceeded)) throw error
    await keeper.close('interrupted')
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

/** Stores the events of one turn. */
class TurnKeeper {
  readonly #context: Context
  readonly #session: SessionRow
  readonly #question: Question
  readonly #file: string
  #items = 0
  #raw = 0
  readonly #cost: TurnCost
  #pending: string[] = []
  #pendingSize = 0

  constructor(context: Context, session: SessionRow, question: Question) {
    this.#context = context
    this.#session = session
    this.#question = question
    this.#cost = new TurnCost(question.setup.model)
    this.#file = join(context.services.sessions, `${session.id}.jsonl`)
  }

  async observe(event: TurnEvent): Promise<void> {
    switch (event.type) {
      case 'raw':
        return this.#keepRaw(event.frame)
      case 'item':
        return this.#keepItem(event.item)
      case 'usage':
        return this.#keepUsage(event.usage)
      case 'session':
        return this.#learn(event.native, event.model)
      case 'process':
        // A process that was suspended for long may have lost the task between its last check and this start.
        return this.#assert(this.#context.services.record.read)
      case 'approval':
        return this.#keepApproval(event.request, event.answer)
      case 'end':
        return undefined
    }
  }

  async close(status: TurnOutcome['status']): Promise<void> {
    await this.#flush()
    const stored = status === 'completed' || status === 'interrupted' ? status : 'failed'
    await this.#append(
      [{ type: 'session.ended', actor: this.#question.role, data: { status, attempt: this.#question.attempt } }],
      { status: stored },
    )
  }

  async #keepRaw(frame: string): Promise<void> {
    if (this.#raw >= MAX_RAW) return
    this.#raw += frame.length
    const line = JSON.stringify({ time: this.#context.services.record.now(), attempt: this.#question.attempt, frame })
    this.#pending.push(line)
    this.#pendingSize += line.length
    if (this.#pendingSize > 64 << 10) await this.#flush()
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const text = this.#pending.join('\n') + '\n'
    this.#pending = []
    this.#pendingSize = 0
    await appendFile(this.#file, text, { mode: 0o600 })
  }

  async #keepItem(item: Item): Promise<void> {
    // Partial items come again and again, so only complete ones go into the record.
    if (item.status === 'running') return
    this.#items += 1
    if (this.#items > MAX_ITEMS) return
    await this.#flush()
    const cut = (text: string): string => head(text, MAX_ITEM_TEXT)
    const tool = item.tool && {
      name: item.tool.name,
      input: capJson(item.tool.input),
      output: item.tool.output === null ? null : cut(item.tool.output),
      exit_code: item.tool.exitCode,
    }
    await this.#append([
      {
        type: `item.${item.kind}`,
        actor: this.#question.role,
        data: {
          id: item.id,
          status: item.status,
          text: cut(item.text),
          attempt: this.#question.attempt,
          ...(tool ? { tool } : {}),
        },
      },
    ])
  }

  async #keepApproval(request: ApprovalRequest, answer: ApprovalAnswer | null): Promise<void> {
    const event = approvalEvent(request, answer, this.#question.attempt)
    if (event !== null) await this.#append([{ ...event, actor: this.#question.role }])
  }

  async #keepUsage(usage: Usage): Promise<void> {
    const costUsd = this.#cost.of(usage)
    const counted: Usage = { ...usage, costUsd }
    const { record, budget } = this.#context.services
    const kind = usage.costUsd !== null ? 'reported' : costUsd === null ? 'unknown' : 'estimated'
    await record.write(async (tx) => {
      await this.#assert(tx)
      await addUsage(tx, this.#session.id, counted, kind)
      await appendEvents(tx, record.now(), [
        this.#owned({
          type: 'usage',
          actor: this.#question.role,
          data: {
            input_tokens: usage.inputTokens,
            output_tokens: usage.outputTokens,
            cost_usd: costUsd,
            cost_kind: kind,
          },
        }),
      ])
    })
    budget.add(counted)
    const over = budget.exceeded()
    if (over) throw new BudgetExceeded(over)
  }

  async #learn(native: string | null, model: string | null): Promise<void> {
    this.#cost.learn(model)
    await this.#append([], { ...(native === null ? {} : { native }), ...(model === null ? {} : { model }) })
  }

  async #append(events: readonly NewEvent[], change: Parameters<typeof changeSession>[2] = {}): Promise<void> {
    const { record } = this.#context.services
    await record.write(async (tx) => {
      await this.#assert(tx)
      if (Object.keys(change).length > 0) {
        const ended = change.status === undefined ? {} : { endedAt: record.now() }
        await changeSession(tx, this.#session.id, { ...change, ...ended })
      }
      await appendEvents(
        tx,
        record.now(),
        events.map((event) => this.#owned(event)),
      )
    })
  }

  #assert(tx: Parameters<typeof assertEpoch>[0]): Promise<void> {
    const { task, services } = this.#context
    return assertEpoch(tx, services.run.id, task.handle, task.epoch)
  }

  #owned(event: NewEvent): NewEvent {
    const { task, services } = this.#context
    return { ...event, project: services.project, run: services.run.id, task: task.handle, session: this.#session.id }
  }
}

function capJson(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length <= MAX_ITEM_TEXT ? value : `${head(text, MAX_ITEM_TEXT)}...`
}
