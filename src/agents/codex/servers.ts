/**
 * App-servers and how a turn comes by one. Starting one costs more than a short turn (it looks at the machine, its plugins, its
 * login), so a caller that takes many turns may let them stand in between (`TurnRequest.standing`). A standing server serves
 * one turn at a time and is never handed to another run, environment or program.
 */
import { randomId } from '../../core/ids.ts'
import { messageOf } from '../../core/errors.ts'
import { endAll, findMarked, standingMark } from '../../process/index.ts'
import type { Access, TurnRequest } from '../port.ts'
import { onCloseStanding } from '../standing.ts'
import { connect, type Connection, type Handlers } from './connection.ts'
import {
  IN_MEMORY_LOGIN,
  checkLogin,
  checkSandbox,
  initialize,
  loginWithKey,
  splitEnv,
  type Step,
} from './handshake.ts'

/** Turns that one server may serve: what it leaks is bounded. */
const MAX_TURNS = 40
/** A server that nobody has wanted for this long ends. */
const MAX_IDLE_MS = 120_000
/** How long a server may take to leave when it is ended between turns. */
const LEAVE_MS = 2000

export interface ServerRequest {
  /** Program and leading arguments of codex. */
  readonly argv: readonly string[]
  readonly request: Pick<TurnRequest, 'env' | 'cwd' | 'mark' | 'run' | 'spawn' | 'standing' | 'resume'>
  /** Ends a server that is still being started. */
  readonly signal: AbortSignal
  /** Told of every server that is started or taken for the turn, at once. */
  readonly onServer: (connection: Connection) => void
}

/** An app-server that is initialised and logged in, held for one turn. */
export interface Server {
  readonly connection: Connection
  /** What codex says its version is. */
  readonly version: string | null
  /** Whether codex's sandbox works here for the turn's access; asked once for each access. */
  checkSandbox(request: TurnRequest): Promise<Step<null>>
  /** It has stood before this turn. */
  readonly reused: boolean
  /** The conversation to be taken up is loaded in another server, which has a turn. */
  readonly elsewhere: boolean
  /** It has loaded this conversation. */
  opened(thread: string): void
  /**
   * Gives it back: it stands for another turn when this one ended well (`reuse`), else it has `graceMs` to leave. Nothing that
   * the turn started lives on when this resolves. Safe to repeat.
   */
  release(reuse: boolean, graceMs: number): Promise<void>
}

interface Standing {
  readonly key: string
  readonly connection: Connection
  readonly version: string | null
  readonly mark: string
  readonly reusable: boolean
  /** Whom it speaks to at the moment. */
  readonly listener: { handlers: Handlers }
  /** Processes of the server itself; all others with its mark are of a turn. */
  readonly own: ReadonlySet<number>
  readonly sandboxes: Map<Access, Promise<Step<null>>>
  readonly threads: Set<string>
  turns: number
  idle: NodeJS.Timeout | null
}

/** Servers that wait for a turn, those that are being started for none in particular included. */
const waiting = new Map<Standing | Promise<Step<Standing>>, string>()

/** Servers that have a turn. */
const busy = new Set<Standing>()

/** No turn listens: what the server says of itself is of no use, and it may do nothing. */
const NOBODY: Handlers = {
  raw: () => Promise.resolve(),
  notification: () => {},
  request: () => null,
  stray: () => {},
}

/** A server for a turn: a standing one where there is one that may serve it, else a new one. A fault says why there is none. */
export async function openServer(wanted: ServerRequest, handlers: Handlers): Promise<Step<Server>> {
  const key = keyOf(wanted)
  const loaded = await loadedIn(wanted, key)
  for (const [one, itsKey] of [...(loaded.waiting ? [[loaded.waiting, key] as const] : []), ...waiting]) {
    if (itsKey !== key || !mayStand(wanted) || !waiting.delete(one)) continue
    const step = one instanceof Promise ? await one : ({ ok: true, value: one } as const)
    if (!step.ok) continue // a new one says what is wrong
    if (step.value.idle) clearTimeout(step.value.idle)
    if (step.value.connection.isOver()) {
      await end(step.value, 0)
      continue
    }
    step.value.connection.renew()
    step.value.listener.handlers = handlers
    wanted.onServer(step.value.connection)
    return { ok: true, value: hold(step.value, loaded.busy) }
  }
  const started = await start(wanted, key, handlers)
  return started.ok ? { ok: true, value: hold(started.value, loaded.busy) } : started
}

/** Where the conversation that is to go on is loaded: a server that waits and may serve the turn, or one that has a turn. */
async function loadedIn(
  { request }: ServerRequest,
  key: string,
): Promise<{ readonly waiting: Standing | null; readonly busy: boolean }> {
  const { resume } = request
  if (resume === null) return { waiting: null, busy: false }
  if ([...busy].some((one) => one.threads.has(resume))) return { waiting: null, busy: true }
  for (const one of waiting.keys()) {
    if (one instanceof Promise || !one.threads.has(resume)) continue
    if (one.key === key) return { waiting: one, busy: false }
    // Its agent has changed: the conversation is let go of, so that another server can write it.
    waiting.delete(one)
    await end(one, LEAVE_MS)
  }
  return { waiting: null, busy: false }
}

/** Starts a server that waits for a turn. What goes wrong is found out by the turn. */
export function warmServer(wanted: ServerRequest): void {
  onCloseStanding(closeServers)
  const key = keyOf(wanted)
  if ([...waiting.values()].includes(key)) return // one is enough to begin with
  const starting = start(wanted, key, NOBODY)
  waiting.set(starting, key)
  void settle(starting)
}

async function settle(starting: Promise<Step<Standing>>): Promise<void> {
  const step = await starting.catch(() => null) // a turn that waits for it is told; else the next one finds out
  // Not there any more: a turn waits for it, or all were closed.
  if (waiting.delete(starting) && step?.ok) stand(step.value)
}

async function closeServers(): Promise<void> {
  const all = [...waiting.keys()]
  waiting.clear()
  await Promise.all(
    all.map(async (one) => {
      const step = one instanceof Promise ? await one.catch(() => null) : ({ ok: true, value: one } as const)
      if (step?.ok) await end(step.value, LEAVE_MS)
    }),
  )
}

function keyOf({ argv, request }: ServerRequest): string {
  return JSON.stringify([request.run, argv, splitEnv(request.env, false)])
}

function mayStand({ request }: ServerRequest): boolean {
  return request.standing && request.spawn === null
}

async function start(wanted: ServerRequest, key: string, handlers: Handlers): Promise<Step<Standing>> {
  const { argv, request, signal } = wanted
  const reusable = mayStand(wanted)
  // One that may stand is not its first task's: what ends the task's processes must not end it.
  const mark = reusable ? standingMark(request.run, randomId(8)) : request.mark
  const listener = { handlers }
  const through: Handlers = {
    raw: (frame) => listener.handlers.raw(frame),
    notification: (...told) => listener.handlers.notification(...told),
    request: (...asked) => listener.handlers.request(...asked),
    stray: (line) => listener.handlers.stray(line),
  }
  const env = reusable ? splitEnv(request.env, false) : request.env
  const cwd = reusable ? '/' : request.cwd
  let connection: Connection | null = null
  const onAbort = (): void => void connection?.close(0)
  signal.addEventListener('abort', onAbort, { once: true })
  const open = async (more: readonly string[]): Promise<Step<{ connection: Connection; version: string | null }>> => {
    if (signal.aborted) return unstarted('the turn was aborted')
    try {
      connection = await connect({ argv: [...argv, 'app-server', ...more], cwd, env, mark }, through, request.spawn)
    } catch (error) {
      return unstarted(`codex could not be started: ${messageOf(error)}`)
    }
    wanted.onServer(connection)
    if (signal.aborted) onAbort() // nobody would end what was being started just now
    const hello = await initialize(connection)
    if (hello.ok) return { ok: true, value: { connection, version: hello.value } }
    await connection.close(LEAVE_MS)
    return hello
  }
  let isUp = false
  try {
    let opened = await open([])
    if (!opened.ok) return opened
    const login = await checkLogin(opened.value.connection, request)
    if (!login.ok || login.value === 'key_needed') await opened.value.connection.close(LEAVE_MS)
    if (!login.ok) return login
    if (login.value === 'key_needed') {
      opened = await open(IN_MEMORY_LOGIN)
      if (!opened.ok) return opened
      const done = await loginWithKey(opened.value.connection, request)
      if (!done.ok) await opened.value.connection.close(LEAVE_MS)
      if (!done.ok) return done
    }
    const own = new Set(reusable ? findMarked(mark) : [])
    const state = { sandboxes: new Map(), threads: new Set<string>(), turns: 0, idle: null }
    isUp = true
    return { ok: true, value: { key, ...opened.value, mark, reusable, listener, own, ...state } }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Also when something of it is not as the protocol says, which throws.
    if (!isUp) await (connection as Connection | null)?.close(0)
  }
}

function unstarted(message: string): {
  readonly ok: false
  readonly fault: { code: 'spawn'; message: string; retryAt: null }
} {
  return { ok: false, fault: { code: 'spawn', message, retryAt: null } }
}

function hold(one: Standing, elsewhere: boolean): Server {
  let released: Promise<void> | null = null
  busy.add(one)
  one.turns += 1
  return {
    connection: one.connection,
    version: one.version,
    reused: one.turns > 1,
    elsewhere,
    checkSandbox(request) {
      const known = one.sandboxes.get(request.access) ?? checkSandbox(one.connection, request)
      one.sandboxes.set(request.access, known)
      return known
    },
    opened: (thread) => void one.threads.add(thread),
    release(reuse, graceMs) {
      released ??= giveBack(one, reuse, graceMs)
      return released
    },
  }
}

async function giveBack(one: Standing, reuse: boolean, graceMs: number): Promise<void> {
  if (!reuse || !one.reusable || one.turns >= MAX_TURNS || one.connection.isOver()) return end(one, graceMs)
  one.listener.handlers = NOBODY
  await endAll(`a turn of ${one.mark}`, () => findMarked(one.mark).filter((pid) => !one.own.has(pid)))
  busy.delete(one)
  stand(one)
}

function stand(one: Standing): void {
  onCloseStanding(closeServers)
  waiting.set(one, one.key)
  one.idle = setTimeout(() => {
    if (waiting.delete(one)) void end(one, LEAVE_MS)
  }, MAX_IDLE_MS).unref()
}

async function end(one: Standing, graceMs: number): Promise<void> {
  if (one.idle) clearTimeout(one.idle)
  await one.connection.close(graceMs)
  busy.delete(one)
}
