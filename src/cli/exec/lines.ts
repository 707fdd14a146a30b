import type { Item, TurnEvent } from '../../agents/port.ts'
import type { TurnResult } from '../../exec/index.ts'
import type { Io } from '../io.ts'
import { isOnlyNamed } from './activity.ts'

/** The session and agent of an exec's events. */
export interface Owner {
  readonly session: string
  readonly agent: string
}

/** Longest tool output in an event line, in characters. */
const MAX_TEXT = 8000

/** Prints a turn as event lines (docs/events.md). Sequence numbers begin with 1 in each exec. */
export class EventLines {
  readonly #io: Io
  readonly #owner: Owner
  #seq = 0
  readonly #begun = new Set<string>()

  constructor(io: Io, owner: Owner) {
    this.#io = io
    this.#owner = owner
  }

  event(type: string, data: Readonly<Record<string, unknown>>, actor: string | null = this.#owner.agent): void {
    this.#seq += 1
    const { session } = this.#owner
    const time = new Date().toISOString()
    const line = { seq: this.#seq, time, type, version: 1, project: null, run: null, task: null, session, actor, data }
    this.#io.out(JSON.stringify(line))
  }

  turn(event: TurnEvent): void {
    switch (event.type) {
      case 'item':
        return this.#item(event.item)
      case 'usage': {
        const { inputTokens, outputTokens, costUsd } = event.usage
        return this.event('usage', { input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: costUsd })
      }
      case 'approval':
        return this.event(`approval.${event.state}`, { request: event.request, answer: event.answer })
      case 'session':
        return this.event('session.started', { native: event.native, model: event.model, version: event.version })
      case 'process':
      case 'raw':
      case 'end':
        return
    }
  }

  /** Prints the last line. */
  finished(result: TurnResult): void {
    this.#io.out(JSON.stringify(finishedLine(result, this.#owner.session)))
  }

  /** Prints a tool call when it begins and when it ends, and text only when it is complete. */
  #item(item: Item): void {
    if (item.status === 'running') {
      if (item.kind !== 'tool_call' || this.#begun.has(item.id) || isOnlyNamed(item)) return
      this.#begun.add(item.id)
    }
    const tool = item.tool && {
      name: item.tool.name,
      input: item.tool.input,
      output: item.tool.output?.slice(0, MAX_TEXT) ?? null,
      exit_code: item.tool.exitCode,
    }
    this.event(`item.${item.kind}`, { id: item.id, status: item.status, text: item.text, ...(tool ? { tool } : {}) })
  }
}

/** The `exec.finished` line; `error` is present only if the turn is not done. */
export function finishedLine(result: TurnResult, session: string | null): Record<string, unknown> {
  const { status, finishReason, output, text, steps, usage, error } = result
  return {
    type: 'exec.finished',
    status,
    finish_reason: finishReason,
    output,
    text,
    session,
    steps,
    usage: { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens, cost_usd: usage.costUsd },
    ...(error === null ? {} : { error: { code: error.code, message: error.message, retry_at: error.retryAt } }),
  }
}
