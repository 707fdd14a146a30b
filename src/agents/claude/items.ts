import { relative, isAbsolute } from 'node:path'
import { head } from '../../core/text.ts'
import type { Item, TurnEvent } from '../port.ts'
import { asFrame, asList, asText, capItemText, itemEvent, type Frame } from '../stdio/index.ts'

const TITLE = 200

const FILE_TOOLS = new Set(['Write', 'Edit', 'MultiEdit', 'NotebookEdit'])
const PLAN_TOOLS = new Set(['TodoWrite', 'TaskCreate', 'TaskUpdate'])

/** The items of one turn. Ids come from the provider: a tool call's own id; for texts, the message's id and a count. */
export class Items {
  readonly #cwd: string
  readonly #blocks = new Map<string, number>()
  readonly #calls = new Map<string, Item>()

  constructor(cwd: string) {
    this.#cwd = cwd
  }

  /** Handles an `assistant` frame. Each frame carries one or more blocks of its message. */
  *onAssistant(frame: Frame): Generator<TurnEvent> {
    const message = asFrame(frame.message)
    for (const entry of asList(message.content)) {
      const block = asFrame(entry)
      if (block.type === 'tool_use') {
        const item = this.#callItem(block)
        this.#calls.set(item.id, item)
        yield itemEvent(item)
        continue
      }
      const kind = block.type === 'text' ? 'message' : block.type === 'thinking' ? 'reasoning' : null
      const text = asText(block.text) ?? asText(block.thinking) ?? ''
      if (kind === null || text === '') continue
      yield itemEvent({
        id: this.#blockId(asText(message.id) ?? 'message'),
        kind,
        status: 'completed',
        text: capItemText(text),
      })
    }
  }

  /** Handles a `user` frame: results of tool calls. */
  *onUser(frame: Frame): Generator<TurnEvent> {
    for (const entry of asList(asFrame(frame.message).content)) {
      const block = asFrame(entry)
      const call = block.type === 'tool_result' ? this.#calls.get(asText(block.tool_use_id) ?? '') : undefined
      if (!call?.tool) continue
      this.#calls.delete(call.id)
      const output = resultText(block.content)
      const bad = block.is_error === true
      yield itemEvent({
        ...call,
        status: bad ? 'failed' : 'completed',
        tool: { ...call.tool, output: capItemText(output), exitCode: exitCodeOf(call.tool.name, bad, output) },
      })
    }
  }

  /** Marks calls that were still running at the end of the turn as failed. */
  *onEnd(): Generator<TurnEvent> {
    for (const call of this.#calls.values()) yield itemEvent({ ...call, status: 'failed' })
    this.#calls.clear()
  }

  #blockId(message: string): string {
    const n = this.#blocks.get(message) ?? 0
    this.#blocks.set(message, n + 1)
    return `${message}/${n}`
  }

  #callItem(block: Frame): Item {
    const name = asText(block.name) ?? 'unknown'
    const input = asFrame(block.input)
    const id = asText(block.id) ?? this.#blockId(name)
    const tool = { name, input: cappedInput(block.input), output: null, exitCode: null }
    if (FILE_TOOLS.has(name)) {
      return {
        id,
        kind: 'file_change',
        status: 'running',
        text: this.#path(input.file_path ?? input.notebook_path),
        tool,
      }
    }
    if (PLAN_TOOLS.has(name)) return { id, kind: 'plan', status: 'running', text: planText(input), tool }
    return { id, kind: 'tool_call', status: 'running', text: titleOf(name, input), tool }
  }

  #path(value: unknown): string {
    const path = asText(value) ?? ''
    const inside = isAbsolute(path) ? relative(this.#cwd, path) : path
    return inside.startsWith('..') ? path : inside
  }
}

function titleOf(name: string, input: Frame): string {
  const main =
    input.command ?? input.file_path ?? input.path ?? input.pattern ?? input.url ?? input.query ?? input.description
  const text = asText(main)
  return text === null ? name : `${name}: ${head(text, TITLE)}`
}

function planText(input: Frame): string {
  const todos = asList(input.todos).map((todo) => {
    const { status, content } = asFrame(todo)
    return `${status === 'completed' ? '[x]' : status === 'in_progress' ? '[>]' : '[ ]'} ${asText(content) ?? ''}`
  })
  return capItemText(todos.length > 0 ? todos.join('\n') : (asText(input.subject) ?? JSON.stringify(input)))
}

function resultText(content: unknown): string {
  const text = asText(content)
  if (text !== null) return text
  return asList(content)
    .map((part) => asText(asFrame(part).text) ?? `[${asText(asFrame(part).type) ?? 'part'}]`)
    .join('\n')
}

/** The output of a failed shell call starts with its exit code; a successful one exited with 0. */
function exitCodeOf(tool: string, bad: boolean, output: string): number | null {
  if (tool !== 'Bash') return null
  if (!bad) return 0
  const code = /^Exit code (\d+)/.exec(output)?.[1]
  return code === undefined ? null : Number(code)
}

/** The input itself, or its shortened JSON text if it is too large to keep. */
function cappedInput(input: unknown): unknown {
  const text = JSON.stringify(input) ?? 'null'
  const kept = capItemText(text)
  return kept === text ? input : kept
}
