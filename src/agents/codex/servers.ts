/**
 * Provides app-servers for turns. Starting one takes longer than a short turn (it examines the machine, its plugins, its
 * login), so a caller with many turns may keep servers between them (`TurnRequest.standing`). A standing server serves one turn
 * at a time, and never another run, environment or program.
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

/** The most turns of one server, so that its leaks stay bounded. */
const MAX_TURNS = 40
/** A server that is not used for this long is ended. */
const MAX_IDLE_MS = 120_000
/** How long a server may take to exit when it is ended between turns. */
const LEAVE_MS = 2000

export interface ServerRequest {
  /** Path and leading arguments of codex. */
  readonly argv: readonly string[]
  readonly request: Pick<TurnRequest, 'env' | 'cwd' | 'mark' | 'run' | 'spawn' | 'standing' | 'resume'>
  /** Ends a server that is still starting. */
  readonly signal: AbortSignal
  /** Called at once for every server that is started or taken for the turn. */
  readonly onServer: (connection: Connection) => void
}

/** An initialised app-server with a login, reserved for one turn. */
export interface Server {
  readonly connection: Connection
  /** The version that codex reports. */
  readonly version: string | null
  /** Checks whether codex's sandbox works here with the turn's access; runs once per access. */
  checkSandbox(request: TurnRequest): Promise<Step<null>>
  /** Whether the server was started before the turn, so that it may have died before the turn asks it anything. */
  readonly early: boolean
  /** Whether the conversation to resume is loaded in another server, which is busy with a turn. */
  readonly elsewhere: boolean
  /** Records that this server has loaded the conversation. */
  opened(thread: string): void
  /**
   * Returns the server. With `reuse` (the turn ended well) it is kept for another turn if possible; otherwise it has `graceMs`
   * to exit. When this resolves, every process that the turn started has ended. Safe to repeat.
   */
  release(reuse: boolean, graceMs: number): Promise<void>
}

interface Standing {
  readonly key: string
  readonly connection: Connection
  readonly version: string | null
  readonly mark: string
  readonly reusable: boolean
  /** Receives the server's messages: the current turn's handlers, or `NOBODY`. */
  readonly listener: { handlers: Handlers }
  /** Processes of the server itself; all others with its mark belong to a turn. */
  readonly own: ReadonlySet<number>
  readonly sandboxes: Map<Access, Promise<Step<null>>>
  readonly threads: Set<string>
  turns: number
  idle: NodeJS.Timeout | null
}

/** A server that is being started in advance. */
interface Warming {
  readonly starting: Promise<Step<Standing>>
  /** Ends the start; `starting` resolves once its processes have ended. */
  readonly stop: () => void
}

/** Idle servers, including those that are still being started in advance. */
const waiting = new Map<Standing | Warming, string>()

/** Servers that are serving a turn. */
const busy = new Set<Standing>()

/** Used between turns: messages are dropped, and requests are refused. */
const NOBODY: Handlers = {
  raw: () => Promise.resolve(),
  notification: () => {},
  request: () => null,
  stray: () => {},
}

/** Provides a server for a turn: an idle one if possible, otherwise a new one. A fault says why there is none. */
export async function openServer(wanted: ServerRequest, handlers: Handlers): Promise<Step<Server>> {
  const key = keyOf(wanted)
  const loaded = await loadedIn(wanted, key)
  for (const [one, itsKey] of [...(loaded.waiting ? [[loaded.waiting, key] as const] : []), ...waiting]) {
    if (itsKey !== key || !mayStand(wanted) || !waiting.delete(one)) continue
    const step = 'starting' in one ? await startOf(one, wanted.signal) : ({ ok: true, value: one } as const)
    if (!step.ok) continue // starting a new one shows what is wrong
    if (step.value.idle) clearTimeout(step.value.idle)
    if (step.value.connection.isOver()) {
      await end(step.value, 0)
      continue
    }
    step.value.connection.renew()
    step.value.listener.handlers = handlers
    wanted.onServer(step.value.connection)
    return { ok: true, value: hold(step.value, { early: true, elsewhere: loaded.busy }) }
  }
  const started = await start(wanted, key, handlers)
  return started.ok ? { ok: true, value: hold(started.value, { early: false, elsewhere: loaded.busy }) } : started
}

/** Waits for a server that is being started in advance. It may never come up, so an abort of the turn ends it. */
async function startOf({ starting, stop }: Warming, signal: AbortSignal): Promise<Step<Standing>> {
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  try {
    return await starting
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * Where the conversation to resume is loaded: `waiting` is an idle server that may serve the turn; `busy`: a server with
 * another turn.
 */
async function loadedIn(
  { request }: ServerRequest,
  key: string,
): Promise<{ readonly waiting: Standing | null; readonly busy: boolean }> {
  const { resume } = request
  if (resume === null) return { waiting: null, busy: false }
  if ([...busy].some((one) => one.threads.has(resume))) return { waiting: null, busy: true }
  for (const one of waiting.keys()) {
    if ('starting' in one || !one.threads.has(resume)) continue
    if (one.key === key) return { waiting: one, busy: false }
    // The agent's settings have changed: the server is ended, so that another one can write the conversation.
    waiting.delete(one)
    await end(one, LEAVE_MS)
  }
  return { waiting: null, busy: false }
}

/** Starts a server in advance. A failure shows up in the turn. */
export function warmServer(wanted: Pick<ServerRequest, 'argv' | 'request'>): void {
  onCloseStanding(closeServers)
  const stopped = new AbortController()
  const asked: ServerRequest = { ...wanted, signal: stopped.signal, onServer: () => {} }
  const key = keyOf(asked)
  if ([...waiting.values()].includes(key)) return // one server is enough to start with
  const warming: Warming = { starting: start(asked, key, NOBODY), stop: () => stopped.abort() }
  waiting.set(warming, key)
  void settle(warming)
}

async function settle(warming: Warming): Promise<void> {
  const step = await warming.starting.catch(() => null) // a turn that waits for it, or the next start, shows why
  // Otherwise a turn has claimed this server, or all servers were closed.
  if (waiting.delete(warming) && step?.ok) stand(step.value)
}

async function closeServers(): Promise<void> {
  const all = [...waiting.keys()]
  waiting.clear()
  await Promise.all(
    all.map(async (one) => {
      if (!('starting' in one)) return end(one, LEAVE_MS)
      one.stop() // it may never come up
      const step = await one.starting.catch(() => null)
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
  // A server that may be kept does not belong to its first task: ending the task's processes must not end it.
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
    if (signal.aborted) onAbort() // nobody else would end the server that was just started
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
    // Also if a message was not as the protocol says, which throws.
    if (!isUp) await (connection as Connection | null)?.close(0)
  }
}

function unstarted(message: string): {
  readonly ok: false
  readonly fault: { code: 'spawn'; message: string; retryAt: null }
} {
  return { ok: false, fault: { code: 'spawn', message, retryAt: null } }
}

function hold(one: Standing, how: Pick<Server, 'early' | 'elsewhere'>): Server {
  let released: Promise<void> | null = null
  busy.add(one)
  one.turns += 1
  return {
    connection: one.connection,
    version: one.version,
    ...how,
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
