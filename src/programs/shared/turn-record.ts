import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { head } from '../../core/text.ts'
import type { Role, Usage } from '../../core/words.ts'
import type { ApprovalAnswer, ApprovalRequest, Item, TurnEvent } from '../../agents/port.ts'
import type { TurnOutcome } from '../../agents/turn.ts'
import { TurnCost } from '../../agents/turn-cost.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import {
  addUsage,
  appendEvents,
  assertEpoch,
  changeSession,
  type NewEvent,
  type SessionRow,
} from '../../record/index.ts'
import { approvalEvent } from './approvals.ts'
import { BudgetExceeded } from './budget.ts'
import type { ConversationServices } from './services.ts'

type Context = PhaseContext<ConversationServices>

/** What the record notes about a turn. */
export interface RecordedTurn {
  readonly role: Role
  readonly attempt: number
  readonly model: string | null
}

/** Longest text of an item in the record, in characters; the raw file has all of it. */
const MAX_ITEM_TEXT = 8000
/** Most items of one turn in the record; further ones are only in the raw file. */
const MAX_ITEMS = 2000
/** Longest total of raw frames kept per turn, in characters. */
const MAX_RAW = 64 << 20

/**
 * Stores the events of one turn: items, usage and approvals in the record, raw frames in the session's file. Throws
 * `BudgetExceeded` if a limit is reached, `lease_lost` if another process has taken the task over.
 */
export class TurnRecord {
  readonly #context: Context
  readonly #session: SessionRow
  readonly #turn: RecordedTurn
  readonly #file: string
  #items = 0
  #raw = 0
  readonly #cost: TurnCost
  #pending: string[] = []
  #pendingSize = 0

  constructor(context: Context, session: SessionRow, turn: RecordedTurn) {
    this.#context = context
    this.#session = session
    this.#turn = turn
    this.#cost = new TurnCost(turn.model)
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
      [{ type: 'session.ended', actor: this.#turn.role, data: { status, attempt: this.#turn.attempt } }],
      { status: stored },
    )
  }

  async #keepRaw(frame: string): Promise<void> {
    if (this.#raw >= MAX_RAW) return
    this.#raw += frame.length
    const line = JSON.stringify({ time: this.#context.services.record.now(), attempt: this.#turn.attempt, frame })
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
        actor: this.#turn.role,
        data: {
          id: item.id,
          status: item.status,
          text: cut(item.text),
          attempt: this.#turn.attempt,
          ...(tool ? { tool } : {}),
        },
      },
    ])
  }

  async #keepApproval(request: ApprovalRequest, answer: ApprovalAnswer | null): Promise<void> {
    const event = approvalEvent(request, answer, this.#turn.attempt)
    if (event !== null) await this.#append([{ ...event, actor: this.#turn.role }])
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
          actor: this.#turn.role,
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
