import { messageOf } from '../../core/errors.ts'
import { cap, printable } from '../../core/text.ts'
import { isJsonObject } from '../../core/json.ts'
import { endMarked, spawnKept, type Exit, type ProcessIdentity, type ProcessSpec } from '../../process/index.ts'
import type { TurnRequest } from '../port.ts'
import { boundedOutput } from '../stdio/bounded.ts'

/** An error of the app-server's JSON-RPC: one object per line, without the `jsonrpc` field. */
export interface RpcError {
  readonly code: number
  readonly message: string
}

export type Reply<T> = { readonly ok: true; readonly result: T } | { readonly ok: false; readonly error: RpcError }

export interface Handlers {
  /** Gets every line as it came (capped), before interpretation. It is awaited, so a slow consumer holds up reading. */
  raw(frame: string): Promise<void>
  /** Handles a notification; `frame` is the whole line. */
  notification(method: string, params: unknown, frame: string): void
  /**
   * Answers a request of the server, at once or later. null: the method is unknown. undefined: send no answer. `id` is the
   * request's id.
   */
  request(method: string, params: unknown, id: string): unknown
  /** Gets a line that is not a valid message of the protocol. */
  stray(line: string): void
}

export interface Connection {
  readonly identity: ProcessIdentity
  /** Sends a request. Retries on overload with growing, jittered delays. Never rejects; a lost connection is an error reply. */
  request<T>(method: string, params?: unknown): Promise<Reply<T>>
  notify(method: string, params?: unknown): void
  /** Resolves when the server's output has ended and no more messages will come. */
  readonly ended: Promise<void>
  /**
   * Ends stdin, gives the server `graceMs` to exit, then kills its group. Resolves when all output has been read and no process
   * with its mark is left. Safe to repeat.
   */
  close(graceMs: number): Promise<Exit>
  stderrTail(): string
  /** Whether the server was ended because it wrote more than one turn may. */
  overflowed(): boolean
  /** Starts another turn: resets the output limit, and discards earlier stderr. */
  renew(): void
  /** Whether the server accepts no more requests. */
  isOver(): boolean
}

/** The server is overloaded; the request was not accepted and may be sent again. */
const OVERLOADED = -32001
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602
/** Belay's own code, never on the wire: the server exited before it answered. */
export const CONNECTION_LOST = -1

const RETRIES = 6
const FIRST_DELAY_MS = 100
const MAX_RAW = 64 << 10

/** Starts the server and reads its output until it ends. Rejects only if the process cannot be started. */
export async function connect(
  spec: Omit<ProcessSpec, 'stdin'>,
  handlers: Handlers,
  spawn: TurnRequest['spawn'],
): Promise<Connection> {
  const kept = await (spawn ?? spawnKept)({ ...spec, stdin: 'open' })
  const pending = new Map<number, (reply: Reply<unknown>) => void>()
  let lastId = 0
  let over = false
  let closing = false
  let broken = ''
  const output = boundedOutput(kept)

  function write(message: unknown): void {
    if (!over && !closing) kept.stdin?.write(`${JSON.stringify(message)}\n`)
  }

  function once<T>(method: string, params: unknown): Promise<Reply<T>> {
    if (over || closing) return Promise.resolve(lost(method))
    const id = ++lastId
    return new Promise((resolve) => {
      pending.set(id, resolve as (reply: Reply<unknown>) => void)
      write({ id, method, ...(params === undefined ? {} : { params }) })
    })
  }

  async function request<T>(method: string, params?: unknown): Promise<Reply<T>> {
    for (let attempt = 0; ; attempt++) {
      const reply = await once<T>(method, params)
      if (reply.ok || reply.error.code !== OVERLOADED || attempt >= RETRIES) return reply
      const delay = FIRST_DELAY_MS * 2 ** attempt * (0.5 + Math.random())
      let timer: NodeJS.Timeout | undefined
      await Promise.race([new Promise((resolve) => (timer = setTimeout(resolve, delay))), ended])
      clearTimeout(timer)
    }
  }

  function receive(line: string): void {
    const message = parse(line)
    if (message === null) handlers.stray(line)
    else if (typeof message.method === 'string' && message.id !== undefined)
      void answer(message.id, message.method, message.params, line)
    else if (typeof message.method === 'string') handlers.notification(message.method, message.params, line)
    else if (typeof message.id === 'number' && pending.has(message.id)) settle(message.id, message)
    else handlers.stray(line)
  }

  function settle(id: number, message: Message): void {
    const resolve = pending.get(id)
    pending.delete(id)
    if (message.error === undefined) resolve?.({ ok: true, result: message.result })
    else resolve?.({ ok: false, error: errorOf(message.error) })
  }

  async function answer(id: unknown, method: string, params: unknown, line: string): Promise<void> {
    let result: unknown
    try {
      result = await handlers.request(method, params, String(id))
    } catch (error) {
      // Every request must be answered, or the turn waits for ever.
      write({ id, error: { code: INVALID_PARAMS, message: messageOf(error) } })
      handlers.stray(line)
      return
    }
    if (result === undefined) return
    if (result === null) write({ id, error: { code: METHOD_NOT_FOUND, message: `Belay does not answer ${method}` } })
    else write({ id, result })
  }

  async function read(): Promise<void> {
    try {
      await receiveAll()
    } catch (error) {
      // A broken pipe is an end like any other; its message is added to the stderr tail.
      broken = `\n${messageOf(error)}`
    }
    over = true
    for (const [id, resolve] of pending) resolve(lost(`request ${id}`))
    pending.clear()
  }

  async function receiveAll(): Promise<void> {
    for await (const { text, dropped } of output.lines) {
      if (text.trim() === '') continue
      await handlers.raw(cap(text, MAX_RAW))
      try {
        if (dropped > 0) handlers.stray(text)
        else receive(text)
      } catch {
        // A frame with another shape than this version of the protocol describes is kept unchanged.
        handlers.stray(text)
      }
    }
  }

  const ended = read()
  return {
    identity: kept.identity,
    request,
    notify: (method, params) => write({ method, ...(params === undefined ? {} : { params }) }),
    ended,
    async close(graceMs) {
      closing = true
      kept.stdin?.end()
      const timer = setTimeout(() => void kept.end(), graceMs)
      const exit = await kept.closed
      clearTimeout(timer)
      await ended
      // Killed processes may still be dying, and a command's terminal has its own session.
      await endMarked(spec.mark)
      return exit
    },
    stderrTail: () => printable(output.stderrTail() + broken).trim(),
    overflowed: () => output.overflowed(),
    renew: () => output.renew(),
    isOver: () => over || closing,
  }
}

interface Message {
  readonly id?: unknown
  readonly method?: unknown
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: unknown
}

function parse(line: string): Message | null {
  try {
    const value: unknown = JSON.parse(line)
    return isJsonObject(value) ? value : null
  } catch {
    return null // not JSON: the caller keeps the line unchanged
  }
}

function errorOf(error: unknown): RpcError {
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as Partial<RpcError>
  return {
    code: typeof code === 'number' ? code : 0,
    message: typeof message === 'string' ? message : JSON.stringify(error),
  }
}

function lost(what: string): { readonly ok: false; readonly error: RpcError } {
  return { ok: false, error: { code: CONNECTION_LOST, message: `codex ended before it answered ${what}` } }
}
