import { existsSync } from 'node:fs'
import { messageOf } from '../../core/errors.ts'
import { ApprovalDesk } from '../approvals/desk.ts'
import type { Agent, TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import { EventQueue } from '../queue.ts'
import { answerRequest, approvalOf, responseTo } from './approvals.ts'
import type { Connection, Handlers } from './connection.ts'
import { faultOf, resetOf, type Fault } from './errors.ts'
import { openThread, refused, type OpenedThread, type Step } from './handshake.ts'
import { INSTALL_HINT, locateCodex } from './probe.ts'
import type {
  GetAccountRateLimitsResponse,
  RateLimitSnapshot,
  ServerRequestResolvedNotification,
  Turn,
  TurnSteerParams,
} from './protocol.gen.ts'
import { outputOf, turnParams } from './question.ts'
import { strictSchema } from './schema.ts'
import { openServer, warmServer, type Server } from './servers.ts'
import { Transcript } from './transcript.ts'

/** How long the server may take to exit after a turn that ended by itself. */
const LEAVE_MS = 2000
/** How long reading the account's limits may take. */
const LIMITS_MS = 5000

/** One turn, see `Agent.turn`. If the consumer stops early, the turn is aborted. */
export async function* codexTurn(request: TurnRequest): AsyncGenerator<TurnEvent, void, undefined> {
  const events = new EventQueue<TurnEvent>()
  const left = new AbortController()
  const running = run(request, events, AbortSignal.any([request.signal, left.signal]))
  try {
    yield* events
  } finally {
    left.abort()
    await running
  }
}

/** Starts a server for a later turn, see `Agent.warm`. */
export function warmCodex({ env, command, cwd, run: id }: Parameters<NonNullable<Agent['warm']>>[0]): void {
  const argv = locateCodex(env, command, cwd)
  if (argv === null) return
  warmServer({ argv, request: { env, cwd, run: id, mark: '', spawn: null, standing: true, resume: null } })
}

async function run(request: TurnRequest, events: EventQueue<TurnEvent>, signal: AbortSignal): Promise<void> {
  const end = await new CodexTurn(request, events, signal).run()
  void events.push({ type: 'end', end })
  events.close()
}

class CodexTurn {
  readonly #request: TurnRequest
  readonly #events: EventQueue<TurnEvent>
  readonly #signal: AbortSignal
  readonly #transcript: Transcript
  readonly #aborted: Promise<'aborted'>
  readonly #desk: ApprovalDesk | null
  /** The turn has ended or is being ended. */
  #over = false
  #opening: Promise<Step<Server>> | null = null
  #server: Server | null = null
  #connection: Connection | null = null
  /** When an aborted turn must be over (`performance.now()`), in ms. */
  #deadline = Number.POSITIVE_INFINITY

  constructor(request: TurnRequest, events: EventQueue<TurnEvent>, signal: AbortSignal) {
    this.#request = request
    this.#events = events
    this.#signal = signal
    const emit = (event: TurnEvent): void => void events.push(event)
    this.#transcript = new Transcript(request.resume, emit)
    this.#desk = request.approve === null ? null : new ApprovalDesk(request.approve, emit)
    this.#aborted = new Promise((resolve) => {
      const onAbort = (): void => {
        this.#deadline = performance.now() + request.graceMs
        resolve('aborted')
      }
      if (signal.aborted) onAbort()
      else signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  async run(): Promise<TurnEnd> {
    let end: TurnEnd
    try {
      end = await this.#converse()
    } catch (error) {
      end = this.#failed({ code: 'protocol', message: messageOf(error), retryAt: null })
    }
    try {
      await this.#leave(end)
    } catch (error) {
      end = this.#failed({ code: 'protocol', message: messageOf(error), retryAt: null })
    }
    this.#over = true
    this.#desk?.close()
    this.#transcript.finish()
    if (end.status !== 'failed') return end
    return { status: 'failed', error: { ...end.error, stderrTail: this.#connection?.stderrTail() ?? '' } }
  }

  /** Returns the server, or gives it a moment to exit. */
  async #leave(end: TurnEnd): Promise<void> {
    const opened = await this.#opening
    const server = opened?.ok ? opened.value : null
    await server?.release(
      end.status === 'completed',
      Math.max(0, Math.min(LEAVE_MS, this.#deadline - performance.now())),
    )
  }

  async #converse(): Promise<TurnEnd> {
    if (this.#signal.aborted) return { status: 'interrupted' }
    const prepared = await Promise.race([this.#prepare(), this.#aborted])
    if (prepared === 'aborted') return { status: 'interrupted' }
    if (!prepared.ok) return this.#failed(prepared.fault)
    const { thread, model } = prepared.value
    void this.#events.push({ type: 'session', native: thread.id, model, version: this.#server?.version ?? null })
    this.#server?.opened(thread.id)
    this.#transcript.follow(thread.id, null)
    return this.#take(this.#live(), thread.id)
  }

  async #prepare(): Promise<Step<OpenedThread>> {
    const { env, command, cwd } = this.#request
    const argv = locateCodex(env, command, cwd)
    if (argv === null) return unstarted(`${command?.[0] ?? 'codex'} is not there or cannot be run: ${INSTALL_HINT}`)
    if (!existsSync(cwd)) return unstarted(`the workspace is gone: ${cwd}`)
    const onServer = (connection: Connection): void => {
      this.#connection = connection
      void this.#events.push({ type: 'process', identity: connection.identity })
    }
    this.#opening = openServer({ argv, request: this.#request, signal: this.#signal, onServer }, this.#handlers())
    const opened = await this.#opening
    if (!opened.ok) return opened
    const server = opened.value
    this.#server = server
    const sandbox = await server.checkSandbox(this.#request)
    const thread = sandbox.ok ? await openThread(this.#live(), this.#request, server.elsewhere) : sandbox
    if (thread.ok || !server.early || !server.connection.isOver() || this.#signal.aborted) return thread
    // The idle server had died. No model has been asked yet, so another server may try.
    await server.release(false, 0)
    return this.#prepare()
  }

  #handlers(): Handlers {
    return {
      raw: (frame) => this.#events.push({ type: 'raw', frame }),
      notification: (method, params, frame) => this.#notified(method, params, frame),
      request: (method, params, id) => this.#answer(method, params, id),
      stray: (line) => this.#transcript.stray(line),
    }
  }

  #notified(method: string, params: unknown, frame: string): void {
    if (method === 'serverRequest/resolved') {
      this.#desk?.withdraw(String((params as ServerRequestResolvedNotification).requestId))
    }
    this.#transcript.notification(method, params, frame)
  }

  async #answer(method: string, params: unknown, id: string): Promise<unknown> {
    const { access } = this.#request
    const asked = this.#desk === null ? null : approvalOf(id, method, params, (item) => this.#transcript.pathsOf(item))
    if (this.#desk === null || asked === null || access === 'read-only') return answerRequest(method, params, access)
    const answer = await this.#desk.ask(asked)
    return answer === null ? undefined : responseTo(method, params, answer)
  }

  /** Passes messages on during the turn. A message that the server refuses becomes an item of kind `unknown`. */
  async #steer(
    connection: Connection,
    threadId: string,
    turnId: string,
    messages: AsyncIterable<string>,
  ): Promise<void> {
    for await (const text of messages) {
      if (this.#over) return
      const input: TurnSteerParams['input'] = [{ type: 'text', text, text_elements: [] }]
      const params: TurnSteerParams = { threadId, expectedTurnId: turnId, input }
      const reply = await connection.request('turn/steer', params)
      if (!reply.ok) this.#transcript.stray(`not taken (${reply.error.message}): ${text}`)
    }
  }

  async #take(connection: Connection, threadId: string): Promise<TurnEnd> {
    const { outputSchema } = this.#request
    const strict = outputSchema === null ? null : strictSchema(outputSchema)
    const starting = connection.request<{ readonly turn: Turn }>(
      'turn/start',
      turnParams(this.#request, threadId, strict),
    )
    const started = await Promise.race([starting, this.#aborted])
    if (started !== 'aborted' && !started.ok) return this.#failed(refused('turn/start', started.error).fault)
    if (started !== 'aborted') {
      const turnId = started.result.turn.id
      this.#transcript.follow(threadId, turnId)
      const { steer } = this.#request
      if (steer) {
        void this.#steer(connection, threadId, turnId, steer).catch((error: unknown) => {
          this.#transcript.stray(`the messages for the agent broke off: ${messageOf(error)}`)
        })
      }
    }

    const first = await Promise.race([this.#transcript.completed, connection.ended, this.#aborted])
    this.#over = true
    this.#desk?.close()
    if (first === 'aborted') return this.#interrupt(connection, threadId, starting)
    if (first === undefined) return this.#failed(await this.#lost(connection))
    return this.#endOf(first, strict !== null)
  }

  /** Asks the server to end the turn, and waits for that until the grace is over. `run` then ends the server. */
  async #interrupt(
    connection: Connection,
    threadId: string,
    starting: Promise<{ ok: true; result: { turn: Turn } } | { ok: false }>,
  ): Promise<TurnEnd> {
    let timer: NodeJS.Timeout | undefined
    const grace = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#deadline - performance.now())))
    const polite = async (): Promise<void> => {
      const started = await starting
      if (!started.ok) return
      this.#transcript.follow(threadId, started.result.turn.id)
      await connection.request('turn/interrupt', { threadId, turnId: started.result.turn.id })
      await this.#transcript.completed
    }
    await Promise.race([polite(), connection.ended, grace])
    clearTimeout(timer)
    return { status: 'interrupted' }
  }

  async #endOf(turn: Turn, strict: boolean): Promise<TurnEnd> {
    if (turn.status === 'interrupted') {
      return this.#failed({ code: 'failed', message: 'codex interrupted the turn by itself', retryAt: null })
    }
    if (turn.status !== 'completed') return this.#failed(await this.#fault(turn))
    const { answer } = this.#transcript
    if (answer === null)
      return this.#failed({ code: 'protocol', message: 'codex ended the turn without an answer', retryAt: null })
    return { status: 'completed', output: outputOf(answer, this.#request.outputSchema, strict), text: answer }
  }

  async #fault(turn: Turn): Promise<Fault> {
    const error = turn.error ?? this.#transcript.lastError
    const { limits } = this.#transcript
    const fault = faultOf(error, limits, Date.now())
    if (fault.code !== 'quota' || resetOf(limits) !== null) return fault
    return faultOf(error, (await this.#readLimits()) ?? limits, Date.now())
  }

  /**
   * The account's limits as the service reports them; null: there are none (a key instead of a plan), or they come too late.
   */
  async #readLimits(): Promise<RateLimitSnapshot | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, LIMITS_MS, null)))
    const reading = this.#live().request<GetAccountRateLimitsResponse>('account/rateLimits/read')
    const reply = await Promise.race([reading, late])
    clearTimeout(timer)
    return reply !== null && reply.ok ? reply.result.rateLimits : null
  }

  async #lost(connection: Connection): Promise<Fault> {
    const { code, signal } = await connection.close(0)
    if (connection.overflowed()) {
      return { code: 'failed', message: 'output_limit: codex wrote too much in one turn and was ended', retryAt: null }
    }
    const how = signal ?? (code === null ? 'unknown status' : `exit status ${code}`)
    return { code: 'protocol', message: `codex ended in the middle of the turn (${how})`, retryAt: null }
  }

  #live(): Connection {
    if (this.#connection === null) throw new Error('codex was not started')
    return this.#connection
  }

  #failed(fault: Fault): TurnEnd {
    return { status: 'failed', error: { ...fault, stderrTail: '' } }
  }
}

function unstarted(message: string): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: { code: 'spawn', message, retryAt: null } }
}
