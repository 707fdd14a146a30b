import { isAbsolute, relative } from 'node:path'
import type { Item, TurnEvent } from '../port.ts'
import { asAmount, asFrame, asList, asText, capItemText, itemEvent, type Frame } from '../stdio/index.ts'

const FILE_TOOLS = new Set(['write', 'edit', 'patch', 'apply_patch', 'multiedit'])
const STATUS: Readonly<Record<string, Item['status']>> = { completed: 'completed', error: 'failed' }

/** Builds the items of one turn, and the last message, from opencode's events. Parts are upserted by their ids. */
export class Items {
  readonly #cwd: string
  readonly #assistant = new Set<string>()
  readonly #running = new Map<string, Item>()
  /** Text parts of the last assistant message, by id. */
  readonly #texts = new Map<string, string>()
  #last: string | null = null

  constructor(cwd: string) {
    this.#cwd = cwd
  }

  get text(): string {
    return [...this.#texts.values()].join('\n')
  }

  /** Notes which messages are the assistant's, because their parts do not say. */
  onMessage(info: Frame): void {
    const id = asText(info.id)
    if (id !== null && info.role === 'assistant') this.#assistant.add(id)
  }

  *onPart(part: Frame): Generator<TurnEvent> {
    const id = asText(part.id)
    const message = asText(part.messageID) ?? ''
    if (id === null || !this.#assistant.has(message)) return
    if (part.type === 'text' || part.type === 'reasoning') yield* this.#said(id, message, part)
    else if (part.type === 'tool') yield* this.#upsert(this.#toolItem(id, part))
    else if (part.type === 'step-finish') yield* usageOf(part)
  }

  /** The agent's todo list, as one item. */
  *onTodos(todos: unknown): Generator<TurnEvent> {
    const entries = asList(todos).map(asFrame)
    const marks: Readonly<Record<string, string>> = { completed: 'x', in_progress: '>' }
    const text = entries.map(
      ({ content, status }) => `[${marks[asText(status) ?? ''] ?? ' '}] ${asText(content) ?? ''}`,
    )
    const open = entries.some(({ status }) => status !== 'completed')
    yield itemEvent({
      id: 'plan',
      kind: 'plan',
      status: open ? 'running' : 'completed',
      text: capItemText(text.join('\n')),
    })
  }

  /** Ends items that were still running at the end of the turn: messages as completed, all others as failed. */
  *end(): Generator<TurnEvent> {
    for (const item of this.#running.values()) {
      yield itemEvent({ ...item, status: item.kind === 'message' ? 'completed' : 'failed' })
    }
    this.#running.clear()
  }

  *#said(id: string, message: string, part: Frame): Generator<TurnEvent> {
    const text = asText(part.text) ?? ''
    if (text === '' || part.synthetic === true) return
    const kind = part.type === 'text' ? 'message' : 'reasoning'
    if (kind === 'message') {
      if (message !== this.#last) this.#texts.clear()
      this.#last = message
      this.#texts.set(id, text)
    }
    const status = asFrame(part.time).end === undefined ? 'running' : 'completed'
    yield* this.#upsert({ id, kind, status, text: capItemText(text) })
  }

  *#upsert(item: Item): Generator<TurnEvent> {
    if (item.status === 'running') this.#running.set(item.id, item)
    else this.#running.delete(item.id)
    yield itemEvent(item)
  }

  #toolItem(id: string, part: Frame): Item {
    const name = asText(part.tool) ?? 'tool'
    const state = asFrame(part.state)
    const input = asFrame(state.input)
    const path = asText(input.filePath) ?? asText(input.path)
    const isFile = FILE_TOOLS.has(name)
    const main = asText(input.command) ?? path ?? asText(state.title)
    const output = asText(state.output) ?? asText(state.error)
    const { exit } = asFrame(state.metadata)
    return {
      id,
      kind: isFile ? 'file_change' : 'tool_call',
      status: STATUS[asText(state.status) ?? ''] ?? 'running',
      text: capItemText(isFile && path !== null ? this.#inside(path) : main === null ? name : `${name}: ${main}`),
      tool: {
        name,
        input: capped(state.input),
        output: output === null ? null : capItemText(output),
        exitCode: typeof exit === 'number' ? exit : null,
      },
    }
  }

  #inside(path: string): string {
    const inside = isAbsolute(path) ? relative(this.#cwd, path) : path
    return inside.startsWith('..') ? path : inside
  }
}

/** opencode reports 0 for a model without a price: the cost is then unknown. */
function* usageOf(part: Frame): Generator<TurnEvent> {
  const tokens = asFrame(part.tokens)
  const cache = asFrame(tokens.cache)
  const cacheReadTokens = asAmount(cache.read)
  const cacheWriteTokens = asAmount(cache.write)
  const inputTokens = asAmount(tokens.input) + cacheReadTokens + cacheWriteTokens
  const outputTokens = asAmount(tokens.output) + asAmount(tokens.reasoning)
  if (inputTokens + outputTokens === 0) return
  const costUsd = asAmount(part.cost) > 0 ? asAmount(part.cost) : null
  yield { type: 'usage', usage: { inputTokens, outputTokens, costUsd, cacheReadTokens, cacheWriteTokens } }
}

function capped(input: unknown): unknown {
  const text = JSON.stringify(input) ?? 'null'
  const kept = capItemText(text)
  return kept === text ? (input ?? null) : kept
}
