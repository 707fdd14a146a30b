import { head } from '../../core/text.ts'
import type { Line } from '../../process/index.ts'
import type { TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import {
  capItemText,
  describeExit,
  failed,
  itemEvent,
  parseFrame,
  rawEvent,
  unknownEvent,
  type Dialogue,
  type Ending,
} from '../stdio/index.ts'
import { commandFrame, type CommandFrame } from './frames.ts'

/** One turn of a program that speaks the `command` protocol. */
export class CommandDialogue implements Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin: { readonly text: string }
  #items = 0
  #lastText = ''
  #late = 0
  #answer: Extract<CommandFrame, { type: 'result' | 'error' }> | null = null

  constructor(request: TurnRequest, argv: readonly string[]) {
    this.argv = argv
    this.env = request.env
    this.stdin = { text: `${JSON.stringify(inputOf(request))}\n` }
  }

  *read(line: Line): Generator<TurnEvent> {
    if (this.#answer !== null) {
      this.#late += 1
      return
    }
    if (line.text.trim() === '') return
    yield rawEvent(line)
    const frame = commandFrame.safeParse(parseFrame(line))
    if (frame.success) yield* this.#take(frame.data)
    else yield unknownEvent(this.#nextId('unknown'), line.text)
  }

  *#take(frame: CommandFrame): Generator<TurnEvent> {
    switch (frame.type) {
      case 'message':
        this.#lastText = frame.text
        yield itemEvent({
          id: this.#nextId('message'),
          kind: 'message',
          status: 'completed',
          text: capItemText(frame.text),
        })
        return
      case 'usage': {
        const { input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: cost } = frame
        yield { type: 'usage', usage: { inputTokens, outputTokens, costUsd: cost ?? null } }
        return
      }
      case 'error':
      case 'result':
        this.#answer = frame
    }
  }

  answered(): boolean {
    return this.#answer !== null
  }

  *rest(): Generator<TurnEvent> {
    if (this.#late > 0) yield unknownEvent(this.#nextId('unknown'), `${this.#late} lines after the result were ignored`)
  }

  finish({ exit, lingered, stderrTail }: Ending): TurnEnd {
    const answer = this.#answer
    if (answer?.type === 'error') {
      const at = answer.retry_at === null ? Number.NaN : Date.parse(answer.retry_at)
      const retryAt = Number.isNaN(at) ? null : new Date(at).toISOString()
      return failed(answer.code, head(answer.message, 4096), { retryAt, stderrTail })
    }
    if (exit.code !== 0 && !lingered) {
      const code = answer === null ? 'protocol' : 'failed'
      return failed(code, `the agent's program ended with ${describeExit(exit)}`, { stderrTail })
    }
    if (answer === null) {
      return failed('protocol', 'the agent ended without a line {"type":"result","output":{...}}', { stderrTail })
    }
    return { status: 'completed', output: answer.output, text: this.#lastText || JSON.stringify(answer.output) }
  }

  #nextId(kind: string): string {
    this.#items += 1
    return `${kind}-${this.#items}`
  }
}

function inputOf(request: TurnRequest): unknown {
  const { role, prompt, outputSchema, task, attempt, cwd, run } = request
  return { role, prompt, output_schema: outputSchema, task, attempt, workspace: cwd, run }
}
