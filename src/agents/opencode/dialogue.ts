import { setTimeout } from 'node:timers/promises'
import { isoOrNull } from '../../core/clock.ts'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import type { Line } from '../../process/index.ts'
import { answerIn, promptWithSchema } from '../answers/structured.ts'
import { ApprovalDesk } from '../approvals/desk.ts'
import { faultIn, type Fault } from '../fault.ts'
import type { TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import {
  asAmount,
  asFrame,
  asText,
  describeExit,
  failed,
  rawEvent,
  unknownEvent,
  type Dialogue,
  type Ending,
  type Frame,
} from '../stdio/index.ts'
import { TURN_OUTPUT_BYTES } from '../stdio/bounded.ts'
import { approvalOf, replyOf, withoutApprover } from './approvals.ts'
import { OpencodeClient, ServerRefusal } from './client.ts'
import { Items } from './items.ts'
import { opencodeEnvironment, opencodeSettings } from './settings.ts'

/** Deltas are only a sign of life: at most one raw frame is passed on in this time. */
const DELTA_GAP_MS = 1000
/** opencode retries a failing provider. After this many tries, or for longer delays, the kernel schedules the retry instead. */
const MOST_RETRIES = 3
const LONGEST_RETRY_MS = 120_000
/** How long a server that no longer answers may take to end by itself. */
const GONE_MS = 10_000

/** Event types that mean nothing to the port; only the raw frames are kept. */
const KNOWN =
  /^(server\.|session\.(created|updated|diff|compacted|next)|message\.|permission\.|question\.|todo\.|file\.|lsp\.|mcp\.|vcs\.|installation\.|project\.|reference\.|catalog\.|plugin\.|pty\.|tui\.|worktree\.|command\.|integration\.|instance\.|global\.|account\.|workspace\.|skill\.|agent\.|models?\.)/

/** One turn of opencode, driven by its own server, which is started for the turn and ended with it. */
export class OpencodeDialogue implements Dialogue {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly stdin = 'open'
  readonly staysAfterAnswer = true
  readonly #request: TurnRequest
  readonly #password: string
  readonly #items: Items
  readonly #over = new AbortController()
  #post: (event: TurnEvent | null) => void = () => {}
  #desk: ApprovalDesk | null = null
  #client: OpencodeClient | null = null
  #session: string | null = null
  #busy = false
  #idle = false
  #error: Fault | null = null
  readonly #limit: number
  #told = 0
  #unknown = 0
  #lastDelta = -Infinity

  /** `limit`: the most characters of events in one turn. */
  constructor(request: TurnRequest, port: number, password: string, limit = TURN_OUTPUT_BYTES) {
    this.#limit = limit
    this.argv = [...(request.command ?? ['opencode']), 'serve', '--hostname=127.0.0.1', `--port=${port}`]
    this.env = {
      ...opencodeEnvironment(request),
      ...request.env,
      ...opencodeSettings(request),
      OPENCODE_SERVER_PASSWORD: password,
    }
    this.#request = request
    this.#password = password
    this.#items = new Items(request.cwd)
  }

  begin(_send: (frame: unknown) => void, post: (event: TurnEvent | null) => void): void {
    this.#post = post
    if (this.#request.approve) this.#desk = new ApprovalDesk(this.#request.approve, post)
  }

  *read(line: Line): Generator<TurnEvent> {
    if (line.text.trim() === '') return
    yield rawEvent(line)
    const url = /^opencode server listening on (http:\/\/\S+)$/.exec(line.text.trim())?.[1]
    if (url === undefined || this.#client !== null) {
      yield unknownEvent(`unknown-${++this.#unknown}`, line.text)
      return
    }
    this.#client = new OpencodeClient(url, this.#password, this.#over.signal)
    void this.#converse(this.#client)
  }

  /** Whether the server has not yet reported that it listens. */
  isMute(): boolean {
    return this.#client === null
  }

  /** Never rejects: failures become the turn's fault. */
  async #converse(client: OpencodeClient): Promise<void> {
    try {
      const events = await client.events()
      const { resume } = this.#request
      const opened = asFrame(
        resume === null
          ? await client.call('POST', '/session', { title: 'belay' })
          : await client.call('GET', `/session/${encodeURIComponent(resume)}`),
      )
      this.#session = asText(opened.id)
      const said = {
        type: 'session',
        native: this.#session,
        model: this.#request.model,
        version: asText(opened.version),
      }
      this.#post(said as TurnEvent)
      if (this.#error !== null) return // interrupted meanwhile
      const reading = this.#listen(client, events)
      reading.catch(() => {}) // handled by the await below, unless the prompt fails first
      await this.#prompt(client, promptWithSchema(this.#request.prompt, this.#request.outputSchema))
      await reading
      if (!this.answered())
        this.#fail({
          code: 'protocol',
          message: 'opencode ended its stream of events in the middle of the turn',
          retryAt: null,
        })
    } catch (error) {
      if (error instanceof ServerRefusal) this.#fail(faultIn(error.message, error.status))
      else await this.#broke(client, error)
    }
  }

  /** Fails the turn for any other error, unless the server is gone: then how it ended says more. */
  async #broke(client: OpencodeClient, error: unknown): Promise<void> {
    const { signal } = this.#over
    const answers = await client.call('GET', `/session/${encodeURIComponent(this.#session ?? 'none')}`).then(
      () => true,
      (refusal: unknown) => refusal instanceof ServerRefusal,
    )
    if (!answers) await setTimeout(GONE_MS, null, { signal }).catch(() => {}) // rejects when the program has ended
    if (signal.aborted || this.answered()) return
    const message = `the conversation with opencode's server broke off: ${head(messageOf(error), 4096)}`
    this.#fail({ code: 'protocol', message, retryAt: null })
  }

  async #prompt(client: OpencodeClient, text: string): Promise<void> {
    const { model, effort } = this.#request
    const [provider = '', ...name] = (model ?? '').split('/')
    await client.call('POST', `/session/${encodeURIComponent(this.#session ?? '')}/prompt_async`, {
      parts: [{ type: 'text', text }],
      ...(model === null ? {} : { model: { providerID: provider, modelID: name.join('/') } }),
      ...(effort === null ? {} : { variant: effort }),
    })
  }

  async #listen(client: OpencodeClient, events: Awaited<ReturnType<OpencodeClient['events']>>): Promise<void> {
    for await (const { text, event } of events) {
      this.#told += text.length
      if (this.#told > this.#limit) {
        const message = `output_limit: opencode told more than ${this.#limit} characters in one turn and was ended`
        this.#fail({ code: 'failed', message, retryAt: null })
        return
      }
      const isDelta = event?.type === 'message.part.delta'
      if (!isDelta || performance.now() - this.#lastDelta >= DELTA_GAP_MS) {
        if (isDelta) this.#lastDelta = performance.now()
        this.#post(rawEvent({ text, dropped: 0 }))
      }
      if (event === null || !this.#take(client, event)) this.#post(unknownEvent(`unknown-${++this.#unknown}`, text))
      if (this.answered()) return
    }
  }

  /** Returns whether the event's type is known. */
  #take(client: OpencodeClient, { type, properties }: Frame): boolean {
    const told = asFrame(properties)
    // This server serves only this turn, but a subagent's session has its own id.
    if (type === 'permission.asked') void this.#decide(client, told)
    else if (type === 'permission.replied') this.#desk?.withdraw(asText(told.requestID) ?? '')
    else if (type === 'question.asked') void this.#refuseQuestion(client, told)
    const ours = told.sessionID === undefined || told.sessionID === this.#session
    if (!ours) return true
    if (type === 'session.status') this.#status(asFrame(told.status))
    else if (type === 'session.idle') this.#ended()
    else if (type === 'session.error') this.#failed(asFrame(told.error))
    else if (type === 'message.updated') this.#items.onMessage(asFrame(told.info))
    else if (type === 'message.part.updated') this.#tell(this.#items.onPart(asFrame(told.part)))
    else if (type === 'todo.updated') this.#tell(this.#items.onTodos(told.todos))
    else return KNOWN.test(asText(type) ?? '')
    return true
  }

  #status(status: Frame): void {
    if (status.type === 'busy') this.#busy = true
    else if (status.type === 'idle') this.#ended()
    else if (status.type === 'retry') {
      const next = asAmount(status.next)
      if (asAmount(status.attempt) < MOST_RETRIES && next - Date.now() < LONGEST_RETRY_MS) return
      const fault = faultIn(asText(status.message) ?? '')
      this.#fail({ ...fault, retryAt: next > Date.now() + LONGEST_RETRY_MS ? isoOrNull(next) : null })
    }
  }

  #ended(): void {
    if (!this.#busy) return // still from before the prompt
    this.#idle = true
    this.#post(null)
  }

  #failed({ name, data }: Frame): void {
    const { message, statusCode } = asFrame(data)
    const text = `${asText(name) ?? 'error'}: ${asText(message) ?? ''}`
    this.#fail(faultIn(text, typeof statusCode === 'number' ? statusCode : null))
  }

  #fail(fault: Fault): void {
    this.#error ??= fault
    this.#post(null)
  }

  #tell(events: Iterable<TurnEvent>): void {
    for (const event of events) this.#post(event)
  }

  async #decide(client: OpencodeClient, asked: Frame): Promise<void> {
    const request = approvalOf(asked, this.#request.cwd)
    const { access } = this.#request
    const answer =
      this.#desk === null || access === 'read-only' ? withoutApprover({ access }) : await this.#desk.ask(request)
    if (answer === null) return
    await this.#send(client, `/permission/${encodeURIComponent(request.id)}/reply`, replyOf(answer))
  }

  async #refuseQuestion(client: OpencodeClient, asked: Frame): Promise<void> {
    await this.#send(client, `/question/${encodeURIComponent(asText(asked.id) ?? '')}/reject`, {})
  }

  /**
   * If an answer cannot be delivered, the agent keeps waiting until the turn's limits end it; the failure is kept as an item.
   */
  async #send(client: OpencodeClient, path: string, body: unknown): Promise<void> {
    try {
      await client.call('POST', path, body)
    } catch (error) {
      if (!this.#over.signal.aborted) this.#post(unknownEvent(`unknown-${++this.#unknown}`, messageOf(error)))
    }
  }

  interrupt(): void {
    this.#desk?.close()
    if (this.#client === null || this.#session === null) {
      // There is nothing to wait for, and no prompt may be sent any more.
      this.#fail({ code: 'failed', message: 'interrupted before the conversation was open', retryAt: null })
      return
    }
    void this.#send(this.#client, `/session/${encodeURIComponent(this.#session)}/abort`, {})
  }

  close(): void {
    this.#desk?.close()
    this.#over.abort()
  }

  answered(): boolean {
    return this.#idle || this.#error !== null
  }

  *rest(): Generator<TurnEvent> {
    yield* this.#items.end()
  }

  finish({ exit, stderrTail }: Ending): TurnEnd {
    if (this.#error !== null) return failed(this.#error.code, this.#error.message, { ...this.#error, stderrTail })
    if (!this.#idle) {
      return failed('protocol', `opencode ended in the middle of the turn (${describeExit(exit)})`, { stderrTail })
    }
    const { text } = this.#items
    if (text === '') return failed('protocol', 'opencode ended the turn without an answer', { stderrTail })
    return { status: 'completed', output: this.#request.outputSchema === null ? null : answerIn(text), text }
  }
}
