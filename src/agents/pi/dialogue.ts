import type { Usage } from '../../core/words.ts'
import type { Line } from '../../process/index.ts'
import { answerIn, promptWithSchema } from '../answers/structured.ts'
import { faultIn, type Fault } from '../fault.ts'
import type { TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import {
  asAmount,
  asFrame,
  asList,
  asText,
  describeExit,
  failed,
  FrameReader,
  type Dialogue,
  type Ending,
  type Frame,
} from '../stdio/index.ts'
import { Items } from './items.ts'
import { argvOf, environmentOf } from './launch.ts'

/** Frame types that mean nothing to the port; only the raw frames are kept. */
const SILENT = new Set([
  'agent_start',
  'agent_end',
  'turn_start',
  'turn_end',
  'message_start',
  'tool_execution_update',
  'queue_update',
  'entry_appended',
  'session_info_changed',
  'thinking_level_changed',
  'compaction_start',
  'compaction_end',
  'auto_retry_start',
  'auto_retry_end',
  'summarization_retry_scheduled',
  'summarization_retry_attempt_start',
  'summarization_retry_finished',
])

/** Dialogs of extensions that wait for an answer. */
const DIALOGS = new Set(['select', 'confirm', 'input', 'editor'])

/** One turn of pi, by its RPC mode. */
export class PiDialogue implements Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin = 'open'
  readonly #request: TurnRequest
  readonly #items: Items
  readonly #reader = new FrameReader(({ type }) => type === 'message_update')
  #send: (frame: unknown) => void = () => {}
  #settled = false
  #last: Frame | null = null
  #fault: Fault | null = null

  constructor(request: TurnRequest) {
    this.argv = argvOf(request)
    this.env = environmentOf(request)
    this.#request = request
    this.#items = new Items(request.cwd)
  }

  begin(send: (frame: unknown) => void): void {
    this.#send = send
    send({ id: 'state', type: 'get_state' })
    const { prompt, outputSchema } = this.#request
    send({ id: 'prompt', type: 'prompt', message: promptWithSchema(asWords(prompt), outputSchema) })
  }

  steer(text: string): void {
    this.#send({ id: 'steer', type: 'steer', message: asWords(text) })
  }

  interrupt(): void {
    this.#send({ id: 'clear', type: 'clear_queue' }) // otherwise queued messages would start another run
    this.#send({ id: 'abort', type: 'abort' })
  }

  *read(line: Line): Generator<TurnEvent> {
    yield* this.#reader.read(line, (frame) => this.#take(frame))
  }

  /** Returns whether the frame's type is known. */
  *#take(frame: Frame): Generator<TurnEvent, boolean> {
    if (this.#settled && frame.type !== 'response') return false // nothing after the end belongs to the turn
    switch (frame.type) {
      case 'response':
        return yield* this.#response(frame)
      case 'message_update':
        yield* this.#items.onUpdate(asFrame(frame.assistantMessageEvent))
        return true
      case 'message_end':
        yield* this.#message(asFrame(frame.message))
        return true
      case 'tool_execution_start':
        yield* this.#items.onToolStart(frame)
        return true
      case 'tool_execution_end':
        yield* this.#items.onToolEnd(frame)
        return true
      case 'agent_settled':
        this.#settled = true
        return true
      case 'extension_ui_request':
        // Nobody is at the screen. Requests that only show something need no answer.
        if (DIALOGS.has(asText(frame.method) ?? ''))
          this.#send({ type: 'extension_ui_response', id: frame.id, cancelled: true })
        return true
      default:
        return SILENT.has(asText(frame.type) ?? '')
    }
  }

  *#response(frame: Frame): Generator<TurnEvent, boolean> {
    if (frame.success !== true) {
      const message = `${asText(frame.command) ?? 'a command'} was refused: ${asText(frame.error) ?? 'no reason given'}`
      if (frame.id === 'prompt') this.#fault = faultIn(message)
      return frame.id === 'prompt'
    }
    if (frame.id !== 'state') return true
    const { sessionId, model } = asFrame(frame.data)
    yield { type: 'session', native: asText(sessionId), model: asText(asFrame(model).id), version: null }
    return true
  }

  *#message(message: Frame): Generator<TurnEvent> {
    yield* this.#items.onMessageEnd()
    if (message.role !== 'assistant') return
    this.#last = message
    const usage = usageOf(asFrame(message.usage))
    if (usage.inputTokens + usage.outputTokens > 0) yield { type: 'usage', usage }
  }

  answered(): boolean {
    return this.#settled || this.#fault !== null
  }

  *rest(): Generator<TurnEvent> {
    yield* this.#items.onEnd()
  }

  finish({ exit, stderrTail }: Ending): TurnEnd {
    if (this.#fault !== null) return failed(this.#fault.code, this.#fault.message, { stderrTail })
    if (!this.#settled) {
      return failed('protocol', `pi ended in the middle of the turn (${describeExit(exit)})`, { stderrTail })
    }
    const reason = asText(this.#last?.stopReason)
    if (this.#last === null || reason === null)
      return failed('protocol', 'pi ended the turn without an answer', { stderrTail })
    if (reason === 'error') {
      const fault = faultIn(asText(this.#last.errorMessage) ?? '')
      return failed(fault.code, fault.message, { stderrTail })
    }
    const text = textOf(this.#last)
    if (reason !== 'stop') return failed('failed', `pi stopped: ${reason}`, { stderrTail })
    const output = this.#request.outputSchema === null ? null : answerIn(text)
    return { status: 'completed', output, text }
  }
}

/** Text that starts with a slash or an exclamation mark would run as a command, a skill or a template. */
function asWords(text: string): string {
  return /^\s*[/!]/.test(text) ? `Task:\n${text}` : text
}

function textOf({ content }: Frame): string {
  return asList(content)
    .map(asFrame)
    .filter(({ type }) => type === 'text')
    .map(({ text }) => asText(text) ?? '')
    .join('\n')
}

/** pi reports 0 for a model without a price: the cost is then unknown. */
function usageOf(usage: Frame): Usage {
  const cacheReadTokens = asAmount(usage.cacheRead)
  const cacheWriteTokens = asAmount(usage.cacheWrite)
  const inputTokens = asAmount(usage.input) + cacheReadTokens + cacheWriteTokens
  const cost = asAmount(asFrame(usage.cost).total)
  const costUsd = cost > 0 ? cost : null
  return { inputTokens, outputTokens: asAmount(usage.output), costUsd, cacheReadTokens, cacheWriteTokens }
}
