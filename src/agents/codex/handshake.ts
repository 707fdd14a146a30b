/** Prepares a started server up to a thread in which a turn can start. */
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

/** The part of the answers to thread/start, thread/resume and thread/fork that is used. */
export interface OpenedThread {
  readonly thread: { readonly id: string }
  readonly model: string
}

export type Step<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault }

/** Keeps the key in memory only, so that the user's stored login stays as it is. */
export const IN_MEMORY_LOGIN = ['-c', 'cli_auth_credentials_store="ephemeral"'] as const

const SANDBOX_CHECK_MS = 20_000

/** Introduces Belay. The value is the server's version; null: it named none. */
export async function initialize(connection: Connection): Promise<Step<string | null>> {
  const params: InitializeParams = {
    clientInfo: { name: 'belay', title: 'Belay', version: '1' },
    capabilities: { experimentalApi: false, requestAttestation: false },
  }
  const reply = await connection.request<{ readonly userAgent?: string }>('initialize', params)
  if (!reply.ok) return failed('protocol', `codex app-server did not start: ${reply.error.message}`)
  connection.notify('initialized')
  // "belay/0.169.0 (Debian ...)": Belay's name, the server's version.
  return { ok: true, value: /^[^/]+\/(\S+)/.exec(reply.result.userAgent ?? '')?.[1] ?? null }
}

export type Login = 'ready' | 'key_needed'

/**
 * Whether this server is logged in. The app-server does not read keys from the environment: `key_needed` means that it must be
 * restarted with `IN_MEMORY_LOGIN` and given the key. Without login and key the result is a fault, before any paid call.
 */
export async function checkLogin(connection: Connection, request: Pick<TurnRequest, 'env'>): Promise<Step<Login>> {
  const reply = await connection.request<GetAccountResponse>('account/read', {})
  if (!reply.ok) return refused('account/read', reply.error)
  if (reply.result.account !== null || !reply.result.requiresOpenaiAuth) return { ok: true, value: 'ready' }
  if (apiKeyOf(request.env) !== null) return { ok: true, value: 'key_needed' }
  return failed('auth', `codex is not logged in: ${LOGIN_HINT}`)
}

/** Logs in with the key from the environment, for the lifetime of this process. */
export async function loginWithKey(connection: Connection, request: Pick<TurnRequest, 'env'>): Promise<Step<null>> {
  const reply = await connection.request('account/login/start', { type: 'apiKey', apiKey: apiKeyOf(request.env) })
  return reply.ok ? { ok: true, value: null } : failed('auth', `codex refused the key: ${reply.error.message}`)
}

/**
 * Runs an empty command in the sandbox to see whether it works. In many containers it does not, and then every command of a
 * paid turn would fail.
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
 * Starts or resumes the conversation. It is always opened read-only, and the turn widens the access: opening a thread with
 * write access makes codex store the workspace as trusted in the user's config.toml. A conversation that another server has
 * loaded (`elsewhere`) continues as a copy with a new id, because codex lets only one server write it.
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

/**
 * Variables that differ between the turns of one server. Its commands get them by configuration, not from the server's
 * environment.
 */
const OF_TURN = new Set(['GIT_COMMITTER_EMAIL'])

/** The part of an agent's environment that belongs to this turn alone (`true`), or to every turn (`false`). */
export function splitEnv(env: TurnRequest['env'], ofTurnAlone: boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => OF_TURN.has(name) === ofTurnAlone))
}

function commandEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [`shell_environment_policy.set.${name}`, value]))
}

/** Turns a failed request into a fault: the connection was lost, or codex refused the request. */
export function refused(what: string, error: RpcError): { readonly ok: false; readonly fault: Fault } {
  return error.code === CONNECTION_LOST
    ? failed('protocol', `codex ended before it answered ${what}`)
    : failed('failed', `codex refused ${what}: ${error.message}`)
}

function failed(code: Fault['code'], message: string): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: { code, message, retryAt: null } }
}
