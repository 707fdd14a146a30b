import type { Access } from '../core/words.ts'
import { programRequest } from '../agents/paths/own.ts'
import type { Agent, TurnRequest } from '../agents/port.ts'
import type { Network, SandboxRequest } from '../sandbox/index.ts'
import type { SandboxConfig } from '../config/index.ts'
import type { ChosenAgent } from './settings.ts'

export interface ConfineOptions {
  readonly cwd: string
  readonly access: Access
  readonly sandbox: string | null
  readonly network: Network | null
  readonly signal: AbortSignal
}

/** How an agent's program is started. */
export interface ConfinedProgram {
  readonly spawn: TurnRequest['spawn']
  readonly confined: boolean
  /** The access that the agent is told. In a sandbox that is `full`, because the sandbox itself enforces the real access. */
  readonly access: Access
  readonly warning: string | null
  /** Advice for an agent that failed with this finish reason, possibly because it is confined; null: there is none. */
  readonly hint: (reason: string) => string | null
  /** Closes the sandbox, and resolves with remarks about it for the user. */
  close(): Promise<readonly string[]>
}

/**
 * Opens the sandbox of an agent that is a separate program: the one asked for, else its role's, else `os` where that works, and
 * otherwise `host` with a warning. The sandbox includes the agent's own paths (login, conversations) and the network, without
 * which it cannot reach its model. Throws `sandbox_...`.
 */
export async function confineAgent(chosen: ChosenAgent, options: ConfineOptions): Promise<ConfinedProgram> {
  const { agent, env, command } = chosen
  const { cwd, access, signal } = options
  const name = options.sandbox ?? chosen.sandbox?.backend ?? 'auto'
  const { openSandbox, sandboxRemarks } = await import('../sandbox/index.ts')
  const role = await roleRequest(chosen.sandbox, options.sandbox)
  const more = options.network === null ? role : { ...role, network: options.network }
  const request = { ...programRequest(agent, env, command, more), access, workspace: cwd }
  const { sandbox, warning } = await openSandbox(name, request, signal)
  return {
    spawn: (spec) => sandbox.spawn(spec),
    confined: sandbox.confined,
    access: sandbox.confined ? 'full' : access,
    warning: [warning, ...heldBack(agent, access, sandbox.confined)].filter((one) => one !== null).join('; ') || null,
    hint: (reason) => (sandbox.confined && isMaybeOurs(agent, reason) ? hintOf(sandbox.backend, cwd) : null),
    async close() {
      await sandbox.close()
      return sandboxRemarks(sandbox)
    },
  }
}

/** Without a sandbox, the agent itself must enforce `read-only`. */
function heldBack({ provider, capabilities }: Agent, access: Access, isConfined: boolean): string[] {
  if (access !== 'read-only' || isConfined || capabilities.readOnly) return []
  return [`nothing enforces read-only: ${provider} does not do so itself, and it is in no sandbox (--sandbox os)`]
}

/**
 * The settings of a role's sandbox. `asked` is the backend to use instead (null: none); if it is a different one, only the
 * settings that all confining backends understand are kept.
 */
export async function roleRequest(
  sandbox: SandboxConfig | null,
  asked: string | null,
): Promise<Partial<Omit<SandboxRequest, 'access' | 'workspace'>>> {
  if (sandbox === null || asked === 'host') return {}
  const { requestOf } = await import('../config/sandbox.ts')
  const request = requestOf(sandbox)
  if (asked === null || asked === sandbox.backend) return request
  const { read = [], write = [], network } = request
  return { read, write, ...(network === undefined ? {} : { network }) }
}

/** Whether the sandbox may be the cause. An unknown program's own reasons do not tell what the sandbox kept it from. */
function isMaybeOurs(agent: Agent, reason: string): boolean {
  const broken = ['spawn', 'protocol']
  return (agent.guessesPaths === true ? [...broken, 'failed', 'auth'] : broken).includes(reason)
}

function hintOf(backend: string, cwd: string): string {
  return (
    `It ran in a sandbox (${backend}), where it can write in ${cwd} only and read no keys and logins. If it needs more, name it in ` +
    `belay.yaml (workflow.roles.X.sandbox: {backend: ${backend}, write: [PATH], read: [PATH]}), or use --sandbox host`
  )
}
