import { isAbsolute, relative } from 'node:path'
import type { Item, TurnEvent } from '../port.ts'
import { asFrame, asList, asText, capItemText, itemEvent, type Frame } from '../stdio/index.ts'
import { StreamedText } from '../streamed-text.ts'

const FILE_TOOLS = new Set(['write', 'edit'])

/** Builds the items of one turn from pi's session events. */
export class Items {
  readonly #cwd: string
  readonly #calls = new Map<string, Item>()
  readonly #said = new StreamedText('message')
  readonly #thought = new StreamedText('reasoning')

  constructor(cwd: string) {
    this.#cwd = cwd
  }

  *onUpdate(event: Frame): Generator<TurnEvent> {
    const delta = asText(event.delta)
    if (delta === null) return
    if (event.type === 'text_delta') {
      yield* this.#thought.close()
      yield* this.#said.add(delta)
    } else if (event.type === 'thinking_delta') {
      yield* this.#said.close()
      yield* this.#thought.add(delta)
    }
  }

  *onMessageEnd(): Generator<TurnEvent> {
    yield* this.#thought.close()
    yield* this.#said.close()
  }

  *onToolStart(event: Frame): Generator<TurnEvent> {
    const name = asText(event.toolName) ?? 'tool'
    const args = asFrame(event.args)
    const path = asText(args.path) ?? asText(args.file_path)
    const command = asText(args.command)
    const isFile = FILE_TOOLS.has(name)
    const main = command ?? path
    const title = main === null ? name : `${name}: ${main}`
    const item: Item = {
      id: asText(event.toolCallId) ?? name,
      kind: isFile ? 'file_change' : 'tool_call',
      status: 'running',
      text: capItemText(isFile && path !== null ? this.#inside(path) : title),
      tool: { name, input: capped(event.args), output: null, exitCode: null },
    }
    this.#calls.set(item.id, item)
    yield itemEvent(item)
  }

  *onToolEnd(event: Frame): Generator<TurnEvent> {
    const call = this.#calls.get(asText(event.toolCallId) ?? '')
    if (!call?.tool) return
    this.#calls.delete(call.id)
    const output = asList(asFrame(event.result).content)
      .map((part) => asText(asFrame(part).text) ?? `[${asText(asFrame(part).type) ?? 'part'}]`)
      .join('\n')
    const bad = event.isError === true
    const exitCode = call.tool.name === 'bash' ? exitCodeOf(output, bad) : null
    yield itemEvent({
      ...call,
      status: bad ? 'failed' : 'completed',
      tool: { ...call.tool, output: capItemText(output), exitCode },
    })
  }

  *onEnd(): Generator<TurnEvent> {
    yield* this.onMessageEnd()
    for (const call of this.#calls.values()) yield itemEvent({ ...call, status: 'failed' })
    this.#calls.clear()
  }

  #inside(path: string): string {
    const inside = isAbsolute(path) ? relative(this.#cwd, path) : path
    return inside.startsWith('..') ? path : inside
  }
}

/** The output of a failed command ends with its exit code. */
function exitCodeOf(output: string, bad: boolean): number | null {
  if (!bad) return 0
  const code = /exited with code (\d+)\s*$/.exec(output)?.[1]
  return code === undefined ? null : Number(code)
}

function capped(input: unknown): unknown {
  const text = JSON.stringify(input) ?? 'null'
  const kept = capItemText(text)
  return kept === text ? (input ?? null) : kept
}
