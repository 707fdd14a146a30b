/** Turns the server's notifications into Belay's events, and keeps what decides how the turn ended. */
import { cap } from '../../core/text.ts'
import type { Item, TurnEvent } from '../port.ts'
import { itemOf, planOf } from './items.ts'
import {
  NOTIFICATIONS,
  type AccountRateLimitsUpdatedNotification,
  type AgentMessageDeltaNotification,
  type ErrorNotification,
  type ItemCompletedNotification,
  type ModelReroutedNotification,
  type RateLimitSnapshot,
  type ThreadItem,
  type ThreadTokenUsageUpdatedNotification,
  type Turn,
  type TurnCompletedNotification,
  type TurnError,
  type TurnPlanUpdatedNotification,
} from './protocol.gen.ts'
import { UsageMeter } from './usage.ts'

const MAX_UNKNOWN = 4 << 10

/** A streamed message is sent again when it has grown by this factor, so that all its versions together stay small. */
const GROWTH = 1.5
const FIRST_PIECE = 80

export class Transcript {
  /** Resolves to this turn when the server reports its end. */
  readonly completed: Promise<Turn>
  /** The account's limits as last reported; updates are sparse. */
  limits: RateLimitSnapshot | null = null
  /** The last error that the server did not retry. */
  lastError: TurnError | null = null
  /** The agent's last message, preferably one marked as the final answer. */
  answer: string | null = null

  readonly #emit: (event: TurnEvent) => void
  readonly #meter: UsageMeter
  readonly #open = new Map<string, Item>()
  readonly #paths = new Map<string, readonly string[]>()
  readonly #streams = new Map<string, { text: string; sent: number }>()
  #resolve: (turn: Turn) => void = () => {}
  #thread: string | null = null
  #turn: string | null = null
  #final = false
  #unknown = 0

  constructor(resume: string | null, emit: (event: TurnEvent) => void) {
    this.#emit = emit
    this.#meter = new UsageMeter(resume)
    this.completed = new Promise((resolve) => (this.#resolve = resolve))
  }

  /** Sets which thread and turn count: threads of subagents report on the same connection. */
  follow(thread: string, turn: string | null): void {
    this.#thread = thread
    this.#turn = turn
  }

  /** Handles one notification. An unknown one becomes an item of kind `unknown`. */
  notification(method: string, params: unknown, frame: string): void {
    switch (method) {
      case 'item/started':
        return this.#item((params as ItemCompletedNotification).item, false, params as ItemCompletedNotification)
      case 'item/completed':
        return this.#item((params as ItemCompletedNotification).item, true, params as ItemCompletedNotification)
      case 'item/agentMessage/delta':
        return this.#delta(params as AgentMessageDeltaNotification)
      case 'turn/plan/updated':
        return this.#upsert(planOf(params as TurnPlanUpdatedNotification))
      case 'turn/started':
        this.#turn ??= this.#isOurs(params as TurnCompletedNotification)
          ? (params as TurnCompletedNotification).turn.id
          : null
        return
      case 'turn/completed':
        if (this.#isOurs(params as TurnCompletedNotification)) this.#resolve((params as TurnCompletedNotification).turn)
        return
      case 'thread/tokenUsage/updated': {
        const usage = this.#meter.add(params as ThreadTokenUsageUpdatedNotification, this.#turn)
        if (usage !== null) this.#emit({ type: 'usage', usage })
        return
      }
      case 'account/rateLimits/updated':
        this.limits = merge(this.limits, (params as AccountRateLimitsUpdatedNotification).rateLimits)
        return
      case 'error': {
        const { error, willRetry } = params as ErrorNotification
        if (!willRetry) this.lastError = error
        return
      }
      case 'model/rerouted':
        return this.#emit({
          type: 'session',
          native: this.#thread,
          model: (params as ModelReroutedNotification).toModel,
          version: null,
        })
      default:
        if (!NOTIFICATIONS.has(method)) this.stray(frame)
    }
  }

  /** The files that a running item changes, as far as reported. */
  pathsOf(item: string): readonly string[] {
    return this.#paths.get(item) ?? []
  }

  /** Keeps a frame that means nothing to this adapter, as an item of kind `unknown`. */
  stray(text: string): void {
    this.#unknown += 1
    const item: Item = {
      id: `unknown-${this.#unknown}`,
      kind: 'unknown',
      status: 'completed',
      text: cap(text, MAX_UNKNOWN),
    }
    this.#emit({ type: 'item', item })
  }

  /** Marks items that were still running as failed: no more reports will come. */
  finish(): void {
    for (const item of this.#open.values()) this.#emit({ type: 'item', item: { ...item, status: 'failed' } })
    this.#open.clear()
  }

  #isOurs({ threadId, turn }: TurnCompletedNotification): boolean {
    return threadId === this.#thread && (this.#turn === null || turn.id === this.#turn)
  }

  #item(native: ThreadItem, done: boolean, { threadId }: ItemCompletedNotification): void {
    if (native.type === 'agentMessage') {
      this.#streams.delete(native.id)
      if (done && threadId === this.#thread) this.#say(native)
    }
    if (native.type === 'fileChange') {
      const paths = native.changes.map(({ path }) => path)
      if (done) this.#paths.delete(native.id)
      else this.#paths.set(native.id, paths)
    }
    const item = itemOf(native, done)
    if (item !== null) this.#upsert(item)
  }

  /** A message marked as the final answer takes precedence over one that is not. */
  #say({ text, phase }: Extract<ThreadItem, { type: 'agentMessage' }>): void {
    const final = phase === 'final_answer'
    if (this.#final && !final) return
    this.#final = final
    this.answer = text
  }

  #delta({ itemId, delta }: AgentMessageDeltaNotification): void {
    const stream = this.#streams.get(itemId) ?? { text: '', sent: 0 }
    stream.text += delta
    this.#streams.set(itemId, stream)
    if (stream.text.length < Math.max(FIRST_PIECE, stream.sent * GROWTH)) return
    stream.sent = stream.text.length
    const item = itemOf({ type: 'agentMessage', id: itemId, text: stream.text } as ThreadItem, false)
    if (item !== null) this.#upsert(item)
  }

  #upsert(item: Item): void {
    if (item.status === 'running') this.#open.set(item.id, item)
    else this.#open.delete(item.id)
    this.#emit({ type: 'item', item })
  }
}

/** Merges a sparse update: null does not clear a known value. */
function merge(known: RateLimitSnapshot | null, update: RateLimitSnapshot): RateLimitSnapshot {
  const told = Object.entries(update).filter(([, value]) => value !== null)
  return { ...(known ?? update), ...Object.fromEntries(told) }
}
