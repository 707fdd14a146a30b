import type * as Sdk from '@agentclientprotocol/sdk'
import type { Usage } from '../../core/words.ts'
import type { Line } from '../../process/index.ts'
import { answerIn, promptWithSchema } from '../answers/structured.ts'
import { ApprovalDesk } from '../approvals/desk.ts'
import { faultIn, type Fault } from '../fault.ts'
import type { TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import {
  asFrame,
  asText,
  describeExit,
  failed,
  FrameReader,
  type Dialogue,
  type Ending,
  type Frame,
} from '../stdio/index.ts'
import { since } from '../codex/rollout.ts'
import { approvalOf, outcomeOf, withoutApprover } from './approvals.ts'
import { Items } from './items.ts'
import type { AcpPreset } from './preset.ts'
import { SessionRefused, openSession } from './session.ts'
import { UsageMeter } from './usage.ts'
import { openWire, type Wire } from './wire.ts'

/** The turn was interrupted before it had a session, so there is nothing to wait for. */
const NOT_BEGUN: Fault = { code: 'failed', message: 'interrupted before the conversation was open', retryAt: null }

/** One turn of an agent that speaks ACP (version 1), using the official SDK. */
export class AcpDialogue implements Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin = 'open'
  readonly #request: TurnRequest
  readonly #preset: AcpPreset
  readonly #sdk: typeof Sdk
  readonly #items: Items
  readonly #usage: UsageMeter
  readonly #reader = new FrameReader(isChunk)
  #post: (event: TurnEvent | null) => void = () => {}
  #wire: Wire | null = null
  #desk: ApprovalDesk | null = null
  #agent: Sdk.ClientContext | null = null
  #session: string | null = null
  #result: Frame | null = null
  #fault: Fault | null = null
  #asked = 0
  /** Title of the last request that was denied. */
  #denied: string | null = null
  #usedBefore: Usage | null = null
  #isWritten: () => boolean = () => true

  constructor(request: TurnRequest, argv: readonly string[], preset: AcpPreset, sdk: typeof Sdk) {
    this.argv = [...argv, ...(preset.args?.(request) ?? [])]
    this.env = { ...preset.environment?.(request), ...request.env, ...preset.settings?.(request) }
    this.#request = request
    this.#preset = preset
    this.#sdk = sdk
    this.#items = new Items(request.cwd)
    this.#usage = new UsageMeter(request.resume !== null)
  }

  begin(send: (frame: unknown) => void, post: (event: TurnEvent | null) => void): void {
    this.#post = post
    if (this.#request.approve) this.#desk = new ApprovalDesk(this.#request.approve, post)
    this.#wire = openWire(send)
    const app = this.#sdk.client({ name: 'belay' }).onRequest(
      'session/request_permission',
      (params: unknown) => asFrame(params),
      ({ params }) => this.#decide(params),
    )
    const connection = app.connect(this.#wire.stream)
    void this.#converse(connection.agent)
  }

  /** Never rejects: failures become the turn's fault, and `#post(null)` makes `answered` be checked again. */
  async #converse(agent: Sdk.ClientContext): Promise<void> {
    try {
      const { id, model, version } = await openSession(agent, this.#request, this.#preset)
      this.#post({ type: 'session', native: id, model, version })
      if (this.#request.resume !== null) this.#usedBefore = this.#preset.tokens?.(id, this.#request.env) ?? null
      if (this.#fault !== null) return // interrupted meanwhile: no prompt is sent
      this.#agent = agent
      this.#session = id
      await agent.request('session/prompt', {
        sessionId: id,
        prompt: [{ type: 'text', text: promptOf(this.#request) }],
      })
    } catch (error) {
      // The result of the prompt is read when its frame arrives. If the connection closed, `finish` decides.
      if (this.#result === null && this.#fault === null && error instanceof SessionRefused) this.#fault = error.fault
    }
    this.#post(null)
  }

  *read(line: Line): Generator<TurnEvent> {
    yield* this.#reader.read(line, (frame) => this.#take(frame))
  }

  *#take(frame: Frame): Generator<TurnEvent, boolean> {
    const what = this.#wire?.receive(frame) ?? 'unknown'
    if (what === 'result' && this.#wire?.answered() === 'session/prompt') yield* this.#over(frame)
    if (what !== 'update') return what !== 'unknown'
    const { sessionId, update } = asFrame(frame.params)
    const live = this.#session !== null && this.#result === null && this.#fault === null
    const said = asFrame(update)
    if (said.sessionUpdate === 'usage_update') this.#usage.onUpdate(said, live)
    // Updates before the prompt replay an old conversation. Later ones, or those of other sessions, are not part of this turn.
    if (!live) return true
    if (sessionId !== this.#session) return false
    return yield* this.#items.take(said)
  }

  *#over(frame: Frame): Generator<TurnEvent> {
    if (this.#result !== null || this.#fault !== null) return
    yield* this.#items.close()
    if (frame.error !== undefined) {
      const { message, data, code } = asFrame(frame.error)
      const detail = asText(data) ?? (data === undefined ? '' : JSON.stringify(data))
      const status = typeof code === 'number' && code >= 400 && code < 600 ? code : null
      const said = `${asText(message) ?? 'the prompt failed'} ${detail}`.trim()
      this.#fault = this.#preset.fault?.(said) ?? faultIn(said, status)
      return
    }
    this.#result = asFrame(frame.result)
    yield* this.#usage.onEnd(this.#result)
  }

  async #decide(params: Frame): Promise<{ readonly outcome: Frame }> {
    const { access, cwd } = this.#request
    const asked = asFrame(params.toolCall)
    const call = { ...this.#items.call(asText(asked.toolCallId) ?? ''), ...withoutNulls(asked) }
    const id = `${asText(asked.toolCallId) ?? 'request'}#${++this.#asked}`
    const answer =
      this.#desk === null || access === 'read-only'
        ? withoutApprover(call, access, this.#preset.confines === true)
        : await this.#desk.ask({
            ...approvalOf(id, call, cwd),
            // Within its own sandbox, such an agent acts without asking.
            ...(this.#preset.confines === true && access !== 'full' ? { beyond: true as const } : {}),
          })
    if (answer?.decision === 'deny') this.#denied = approvalOf(id, call, cwd).title
    return outcomeOf(params.options, answer)
  }

  interrupt(): void {
    this.#desk?.close() // all open requests are answered as cancelled
    if (this.#agent === null || this.#session === null) {
      this.#fault ??= NOT_BEGUN
      this.#post(null)
    } else {
      this.#isWritten = this.#preset.watchInterruption?.(this.#session, this.#request.env) ?? this.#isWritten
      this.#agent.notify('session/cancel', { sessionId: this.#session }).catch(() => {}) // already gone
    }
  }

  close(): void {
    this.#desk?.close()
    this.#wire?.close()
  }

  answered(): boolean {
    return this.#result !== null || this.#fault !== null
  }

  settled(): boolean {
    return this.#isWritten()
  }

  *rest(): Generator<TurnEvent> {
    yield* this.#items.end()
    const used = this.#session === null ? null : (this.#preset.tokens?.(this.#session, this.#request.env) ?? null)
    if (used === null) return
    const usage = since(this.#usedBefore, used)
    if (usage.inputTokens + usage.outputTokens > 0) yield { type: 'usage', usage }
  }

  finish({ exit, stderrTail }: Ending): TurnEnd {
    if (this.#fault !== null) return failed(this.#fault.code, this.#fault.message, { ...this.#fault, stderrTail })
    if (this.#result === null) {
      return failed('protocol', `the agent ended in the middle of the turn (${describeExit(exit)})`, { stderrTail })
    }
    const reason = asText(this.#result.stopReason)
    const text = this.#items.text
    if (reason === 'end_turn' && text !== '') {
      const output = this.#request.outputSchema === null ? null : answerIn(text)
      return { status: 'completed', output, text }
    }
    if (reason === 'end_turn' && this.#denied !== null) {
      return failed('failed', `the agent ended the turn when it was not allowed: ${this.#denied}`, { stderrTail })
    }
    if (reason === 'end_turn') return failed('protocol', 'the agent ended the turn without a word', { stderrTail })
    return failed('failed', `the agent stopped: ${reason ?? 'no reason given'}${text === '' ? '' : ` (${text})`}`, {
      stderrTail,
    })
  }
}

/** The agent would run a message that starts with a slash as a command; with a line before it, it is text. */
function promptOf({ prompt, outputSchema }: TurnRequest): string {
  return promptWithSchema(/^\s*\//.test(prompt) ? `Task:\n${prompt}` : prompt, outputSchema)
}

function withoutNulls(frame: Frame): Frame {
  return Object.fromEntries(Object.entries(frame).filter(([, value]) => value !== null && value !== undefined))
}

function isChunk(frame: Frame): boolean {
  if (frame.method !== 'session/update') return false
  const { sessionUpdate } = asFrame(asFrame(frame.params).update)
  return sessionUpdate === 'agent_message_chunk' || sessionUpdate === 'agent_thought_chunk'
}
