import { randomUUID } from 'node:crypto'
import { isoOrNull } from '../../core/clock.ts'
import type { Line } from '../../process/index.ts'
import { ApprovalDesk } from '../approvals/desk.ts'
import type { ApprovalAnswer, TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import {
  asAmount,
  asFrame,
  asList,
  asText,
  describeExit,
  failed,
  jsonOrNull,
  FrameReader,
  type Dialogue,
  type Ending,
  type Frame,
} from '../stdio/index.ts'
import { approvalOf, responseTo } from './approvals.ts'
import { faultOf, launchHint, limitOf, type Fault } from './errors.ts'
import { Items } from './items.ts'
import { argvOf, environmentOf, promptOf } from './launch.ts'
import { UsageMeter } from './usage.ts'

/** The turn does not wait for a retry further away than this: the kernel schedules it. */
const LONGEST_RETRY_MS = 120_000

/** Frame types that mean nothing to the port; only the raw frames are kept. */
const SILENT = new Set([
  'control_response',
  'transcript_mirror',
  'conversation_reset',
  'tool_progress',
  'tool_use_summary',
  'auth_status',
  'keep_alive',
  'prompt_suggestion',
])

/** One turn of Claude Code: its stream-json protocol, with control requests in both directions. */
export class ClaudeDialogue implements Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin = 'open'
  readonly #request: TurnRequest
  readonly #items: Items
  readonly #usage: UsageMeter
  readonly #reader = new FrameReader(isDelta)
  /** Messages that were sent during the turn and that the agent has not taken yet. */
  readonly #steered = new Set<string>()
  #desk: ApprovalDesk | null = null
  #send: (frame: unknown) => void = () => {}
  #session: string | null = null
  #result: Frame | null = null
  #gaveUp: Fault | null = null
  #backgroundTasks = 0
  #apiError: string | null = null
  #limit: Frame = {}

  constructor(request: TurnRequest) {
    this.argv = argvOf(request)
    this.env = environmentOf(request)
    this.#request = request
    this.#items = new Items(request.cwd)
    this.#usage = new UsageMeter(request.resume !== null)
  }

  begin(send: (frame: unknown) => void, post: (event: TurnEvent) => void): void {
    this.#send = send
    const { approve, prompt } = this.#request
    if (approve) this.#desk = new ApprovalDesk(approve, post)
    this.#say(prompt)
  }

  /** The agent takes the message between two steps; the turn does not end before. */
  steer(text: string): void {
    this.#steered.add(this.#say(text))
  }

  #say(text: string): string {
    const uuid = randomUUID()
    this.#send({ type: 'user', uuid, message: { role: 'user', content: promptOf(text) }, parent_tool_use_id: null })
    return uuid
  }

  close(): void {
    this.#desk?.close()
  }

  interrupt(): void {
    this.close()
    this.#send({ type: 'control_request', request_id: 'interrupt-1', request: { subtype: 'interrupt' } })
  }

  *read(line: Line): Generator<TurnEvent> {
    yield* this.#reader.read(line, (frame) => this.#take(frame))
  }

  /** Returns whether the frame's type is known. */
  *#take(frame: Frame): Generator<TurnEvent, boolean> {
    switch (frame.type) {
      case 'system':
        return yield* this.#system(frame)
      case 'stream_event':
        yield* this.#usage.onStreamEvent(frame)
        return true
      case 'assistant':
        if (frame.is_api_error_message === true || asText(frame.error) !== null) this.#apiError = asText(frame.error)
        else yield* this.#items.onAssistant(frame)
        return true
      case 'user':
        if (this.#steered.delete(asText(frame.uuid) ?? '')) this.#result = null // the answer to this message is still to come
        yield* this.#items.onUser(frame)
        return true
      case 'rate_limit_event':
        this.#limit = limitOf(frame)
        return true
      case 'control_request':
        void this.#answer(frame)
        return true
      case 'control_cancel_request':
        this.#desk?.withdraw(asText(frame.request_id) ?? '')
        return true
      case 'result':
        this.#result = frame
        yield* this.#usage.onResult(frame)
        return true
      default:
        return SILENT.has(asText(frame.type) ?? '')
    }
  }

  *#system(frame: Frame): Generator<TurnEvent, boolean> {
    switch (frame.subtype) {
      case 'init': {
        // Sent again for each part of the turn.
        const native = asText(frame.session_id)
        if (native === this.#session) return true
        this.#session = native
        yield { type: 'session', native, model: asText(frame.model), version: asText(frame.claude_code_version) }
        return true
      }
      case 'background_tasks_changed':
        this.#backgroundTasks = asList(frame.tasks).length
        return true
      case 'api_retry': {
        const delay = asAmount(frame.retry_delay_ms)
        if (delay <= LONGEST_RETRY_MS) return true
        const { code, message } = faultOf(
          { api_error_status: frame.error_status },
          asText(frame.error),
          this.#limit,
          Date.now(),
        )
        const retryAt = isoOrNull(Date.now() + delay)
        const wait = retryAt === null ? `${delay} ms` : `until ${retryAt}`
        this.#gaveUp = { code, message: `the provider asks to wait ${wait} (${message})`, retryAt }
        return true
      }
      default:
        return asText(frame.subtype) !== null
    }
  }

  /** Answers a permission request, with a denial if there is no approver; other requests are rejected. Never rejects. */
  async #answer(frame: Frame): Promise<void> {
    const asked = asFrame(frame.request)
    const { request_id } = frame
    if (asked.subtype !== 'can_use_tool') {
      const error = `not supported: ${asText(asked.subtype) ?? 'unknown request'}`
      this.#send({ type: 'control_response', response: { subtype: 'error', request_id, error } })
      return
    }
    const id = asText(request_id) ?? ''
    const answer = this.#desk === null ? ALONE : await this.#desk.ask(approvalOf(id, asked, this.#request.cwd))
    if (answer === null) return
    const response = { subtype: 'success', request_id, response: responseTo(asked, answer) }
    this.#send({ type: 'control_response', response })
  }

  answered(): boolean {
    if (this.#gaveUp !== null) return true
    if (this.#result === null) return false
    // A message that was not taken yet starts another part of the turn.
    if (this.#steered.size > 0 && this.#result.is_error !== true) return false
    // While tasks run in the background another result follows, unless this one already holds the answer.
    return this.#backgroundTasks === 0 || this.#result.is_error === true || this.#result.structured_output !== undefined
  }

  *rest(): Generator<TurnEvent> {
    yield* this.#items.onEnd()
    yield* this.#usage.onCutOff()
  }

  finish({ exit, stderrTail }: Ending): TurnEnd {
    if (this.#gaveUp !== null) return failed(this.#gaveUp.code, this.#gaveUp.message, { ...this.#gaveUp, stderrTail })
    const result = this.#result
    if (result === null) {
      const hint = launchHint(stderrTail)
      if (hint !== null) return failed('failed', hint, { stderrTail })
      return failed('protocol', `Claude Code ended without a result (${describeExit(exit)})`, { stderrTail })
    }
    const text = asText(result.result) ?? ''
    const wantsForm = this.#request.outputSchema !== null
    if (wantsForm && result.subtype === 'error_max_structured_output_retries')
      return { status: 'completed', output: null, text }
    if (result.is_error === true || result.subtype !== 'success') {
      const fault = faultOf(result, this.#apiError, this.#limit, Date.now())
      return failed(fault.code, fault.message, { ...fault, stderrTail })
    }
    return { status: 'completed', output: result.structured_output ?? jsonOrNull(text), text }
  }
}

const ALONE: ApprovalAnswer = {
  decision: 'deny',
  reason:
    'This needs a permission, and nobody is here to give it. Do it another way, or say in your answer why it is needed.',
}

function isDelta(frame: Frame): boolean {
  return frame.type === 'stream_event' && asFrame(frame.event).type === 'content_block_delta'
}
