/** From a started server to a thread that a turn can begin on. */
import type { TurnRequest } from '../port.ts'
import { approvalPolicy, sandboxPolicy } from './access.ts'
import { CONNECTION_LOST, type Connection, type RpcError } from './connection.ts'
import type { Fault } from './errors.ts'
import { LOGIN_HINT, SANDBOX_HINT, apiKeyOf } from './probe.ts'
import type {
  CommandExecResponse,
  GetAccountResponse,
  InitializeParams,
  ThreadForkParams,
  ThreadResumeParams,
  ThreadStartParams,
} from './protocol.gen.ts'

/** What is read of the answer to thread/start and thread/resume. */
export interface OpenedThread {
  readonly thread: { readonly id: string }
  readonly model: string
}

export type Step<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault }

/** Keeps a key that is handed over in memory: nothing is written to the user's login. */
export const IN_MEMORY_LOGIN = ['-c', 'cli_auth_credentials_store="ephemeral"'] as const

const SANDBOX_CHECK_MS = 20_000

/** Introduces Belay; the value is the server's version, when it says one. */
export async function initialize(connection: Connection): Promise<Step<string | null>> {
  const params: InitializeParams = {
    clientInfo: { name: 'belay', title: 'Belay', version: '1' },
    capabilities: { experimentalApi: false, requestAttestation: false },
  }
  const reply = await connection.request<{ readonly userAgent?: string }>('initialize', params)
  if (!reply.ok) return failed('protocol', `codex app-server did not start: ${reply.error.message}`)
  connection.notify('initialized')
  // "belay/0.169.0 (Debian ...)": our name, its version.
  return { ok: true, value: /^[^/]+\/(\S+)/.exec(reply.result.userAgent ?? '')?.[1] ?? null }
}

export type Login = 'ready' | 'key_needed'

/**
 * Whether this server is logged in. The app-server does not read keys from the environment by itself: `key_needed` says that
 * it must be started again with `IN_MEMORY_LOGIN` and be given the key. No login and no key: a fault, before any paid call.
 */
export async function checkLogin(connection: Connection, request: Pick<TurnRequest, 'env'>): Promise<Step<Login>> {
  const reply = await connection.request<GetAccountResponse>('account/read', {})
  if (!reply.ok) return refused('account/read', reply.error)
  if (reply.result.account !== null || !reply.result.requiresOpenaiAuth) return { ok: true, value: 'ready' }
  if (apiKeyOf(request.env) !== null) return { ok: true, value: 'key_needed' }
  return failed('auth', `codex is not logged in: ${LOGIN_HINT}`)
}

/** Logs in with the key of the environment, for the life of this process. */
export async function loginWithKey(connection: Connection, request: Pick<TurnRequest, 'env'>): Promise<Step<null>> {
  const reply = await connection.request('account/login/start', { type: 'apiKey', apiKey: apiKeyOf(request.env) })
  return reply.ok ? { ok: true, value: null } : failed('auth', `codex refused the key: ${reply.error.message}`)
}

/**
 * Runs nothing in the sandbox, to see that it works here: in many containers it does not, and then every command of a paid
 * turn would fail.
 */
export async function checkSandbox(connection: Connection, request: TurnRequest): Promise<Step<null>> {
  if (request.access === 'full') return { ok: true, value: null }
  const reply = await connection.request<CommandExecResponse>('command/exec', {
    command: ['/bin/sh', '-c', ':'],
    cwd: request.cwd,
    sandboxPolicy: sandboxPolicy(request.access),
    timeoutMs: SANDBOX_CHECK_MS,
  })
  if (reply.ok && reply.result.exitCode === 0) return { ok: true, value: null }
  const seen = reply.ok ? reply.result.stderr.trim() || `exit status ${reply.result.exitCode}` : reply.error.message
  return failed('spawn', `codex's sandbox does not run here (${seen}): ${SANDBOX_HINT}`)
}

/**
 * Begins or takes up the conversation. It is opened read-only whatever the access, and the turn widens it: opening a thread
 * with write access makes codex write the workspace as trusted into the user's config.toml. A conversation that another server
 * has loaded (`elsewhere`) goes on as a copy, under an id of its own: codex lets only one server write it.
 */
export async function openThread(
  connection: Connection,
  request: TurnRequest,
  elsewhere: boolean,
): Promise<Step<OpenedThread>> {
  const common = {
    cwd: request.cwd,
    model: request.model,
    sandbox: 'read-only',
    approvalPolicy: approvalPolicy(request),
    config: commandEnv(splitEnv(request.env, true)),
  } as const
  const method = request.resume === null ? 'thread/start' : elsewhere ? 'thread/fork' : 'thread/resume'
  const params: ThreadStartParams | ThreadResumeParams | ThreadForkParams =
    request.resume === null ? common : { ...common, threadId: request.resume, excludeTurns: true }
  const reply = await connection.request<OpenedThread>(method, params)
  if (!reply.ok) return refused(method, reply.error)
  return typeof reply.result?.thread?.id === 'string'
    ? { ok: true, value: reply.result }
    : failed('protocol', 'codex opened a thread without an id')
}

/** Variables that differ between the turns of one server: its commands get them by configuration, not by its environment. */
const OF_TURN = new Set(['GIT_COMMITTER_EMAIL'])

/** The part of an agent's environment that is of the turn alone (`true`), or of every turn. */
export function splitEnv(env: TurnRequest['env'], ofTurnAlone: boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => OF_TURN.has(name) === ofTurnAlone))
}

function commandEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [`shell_environment_policy.set.${name}`, value]))
}

/** A refused request as a fault: a lost connection or a refusal. */
export function refused(what: string, error: RpcError): { readonly ok: false; readonly fault: Fault } {
  return error.code === CONNECTION_LOST
    ? failed('protocol', `codex ended before it answered ${what}`)
    : failed('failed', `codex refused ${what}: ${error.message}`)
}

function failed(code: Fault['code'], message: string): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: { code, message, retryAt: null } }
}
