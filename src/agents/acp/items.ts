import { isAbsolute, relative } from 'node:path'
import type { Item, TurnEvent } from '../port.ts'
import { asFrame, asList, asText, capItemText, itemEvent, type Frame } from '../stdio/index.ts'
import { StreamedText } from '../streamed-text.ts'

/** Updates that mean nothing to the port; only the raw frames are kept. */
const SILENT = new Set([
  'user_message_chunk',
  'available_commands_update',
  'current_mode_update',
  'config_option_update',
  'session_info_update',
  'usage_update',
])

const STATUS: Readonly<Record<string, Item['status']>> = { completed: 'completed', failed: 'failed' }
const FILE_KINDS = new Set(['edit', 'delete', 'move'])

/** Builds the items of one turn from `session/update` notifications. */
export class Items {
  readonly #cwd: string
  readonly #calls = new Map<string, Frame>()
  readonly #said = new StreamedText('message')
  readonly #thought = new StreamedText('reasoning')

  constructor(cwd: string) {
    this.#cwd = cwd
  }

  /** The agent's last message. */
  get text(): string {
    return this.#said.last
  }

  /** Everything known about a tool call. */
  call(id: string): Frame {
    return this.#calls.get(id) ?? {}
  }

  /** Yields the events of an update. Returns whether its type is known. */
  *take(update: Frame): Generator<TurnEvent, boolean> {
    const type = asText(update.sessionUpdate) ?? ''
    if (type === 'agent_message_chunk') {
      yield* this.#thought.close()
      yield* this.#said.add(textOf(update.content), asText(update.messageId))
      return true
    }
    if (type === 'agent_thought_chunk') {
      yield* this.#said.close()
      yield* this.#thought.add(textOf(update.content), asText(update.messageId))
      return true
    }
    if (type === 'tool_call' || type === 'tool_call_update') {
      yield* this.close()
      yield* this.#called(update)
      return true
    }
    if (type === 'plan') {
      yield itemEvent(planOf(update))
      return true
    }
    return SILENT.has(type)
  }

  /** Completes the texts that were being streamed. */
  *close(): Generator<TurnEvent> {
    yield* this.#said.close()
    yield* this.#thought.close()
  }

  /** Marks calls that were still running at the end of the turn as failed. */
  *end(): Generator<TurnEvent> {
    yield* this.close()
    for (const call of this.#calls.values()) {
      const item = this.#itemOf(call)
      if (item.status === 'running') yield itemEvent({ ...item, status: 'failed' })
    }
    this.#calls.clear()
  }

  *#called(update: Frame): Generator<TurnEvent> {
    const id = asText(update.toolCallId)
    if (id === null) return
    const told = Object.entries(update).filter(([, value]) => value !== null && value !== undefined)
    const call = { ...this.#calls.get(id), ...Object.fromEntries(told) }
    this.#calls.set(id, call)
    yield itemEvent(this.#itemOf(call))
  }

  #itemOf(call: Frame): Item {
    const kind = asText(call.kind) ?? 'other'
    const status = STATUS[asText(call.status) ?? ''] ?? 'running'
    const id = asText(call.toolCallId) ?? ''
    const raw = asFrame(call.rawOutput)
    const shown = asList(call.content)
      .map(contentText)
      .filter((text) => text !== '')
      .join('\n')
    const output = shown || asText(call.rawOutput) || outputOf(raw)
    const exit = raw.exit_code ?? raw.exitCode ?? asFrame(raw.metadata).exit
    const tool = {
      name: asText(call.name) ?? kind,
      input: capped(call.rawInput),
      output: output === '' ? null : capItemText(output),
      exitCode: typeof exit === 'number' ? exit : null,
    }
    const title = asText(call.title) ?? kind
    if (!FILE_KINDS.has(kind)) return { id, kind: 'tool_call', status, text: capItemText(title), tool }
    const places = [...asList(call.locations), ...asList(call.content)].map((place) => asText(asFrame(place).path))
    const paths = [...new Set(places.filter((path) => path !== null).map((path) => this.#inside(path)))]
    return { id, kind: 'file_change', status, text: paths.length > 0 ? paths.join('\n') : capItemText(title), tool }
  }

  #inside(path: string): string {
    const inside = isAbsolute(path) ? relative(this.#cwd, path) : path
    return inside.startsWith('..') || inside === '' ? path : inside
  }
}

function textOf(content: unknown): string {
  const block = asFrame(content)
  return asText(block.text) ?? (block.type === undefined ? '' : `[${asText(block.type) ?? 'content'}]`)
}

function contentText(entry: unknown): string {
  const part = asFrame(entry)
  if (part.type === 'content') return textOf(part.content)
  return part.type === 'diff' ? (asText(part.newText) ?? '') : ''
}

function outputOf(raw: Frame): string {
  const text = asText(raw.formatted_output) ?? asText(raw.output) ?? asText(raw.stdout) ?? asText(raw.error)
  return text ?? (Object.keys(raw).length === 0 ? '' : JSON.stringify(raw))
}

function capped(input: unknown): unknown {
  const text = JSON.stringify(input) ?? 'null'
  const kept = capItemText(text)
  return kept === text ? (input ?? null) : kept
}

function planOf(update: Frame): Item {
  const entries = asList(update.entries).map(asFrame)
  const marks: Readonly<Record<string, string>> = { completed: 'x', in_progress: '>' }
  const lines = entries.map(({ content, status }) => `[${marks[asText(status) ?? ''] ?? ' '}] ${asText(content) ?? ''}`)
  const open = entries.some(({ status }) => status !== 'completed')
  return { id: 'plan', kind: 'plan', status: open ? 'running' : 'completed', text: capItemText(lines.join('\n')) }
}
