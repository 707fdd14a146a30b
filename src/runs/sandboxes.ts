import { confinedAgent } from '../agents/confined.ts'
import type { Agent } from '../agents/port.ts'
import type { Config, RoleConfig, SandboxConfig } from '../config/index.ts'
import { requestOf } from '../config/sandbox.ts'
import type { KeptProcess, ProcessSpec } from '../process/index.ts'
import { openSandbox } from '../sandbox/index.ts'

/** The agent, confined as its role's configuration says. */
export function inSandbox(agent: Agent, config: SandboxConfig | null | undefined): Agent {
  return config ? confinedAgent(agent, { backend: config.backend, more: requestOf(config) }) : agent
}

/** Starts gates or setup commands; `close` ends the processes that are left. */
export interface Confined {
  readonly spawn: ((spec: ProcessSpec) => Promise<KeptProcess>) | undefined
  close(): Promise<void>
}

/** Opens the sandbox of gates and setup commands over a folder. `write` lists further folders that they need to write to. */
export type OpenConfined = (workspace: string, write: readonly string[], signal: AbortSignal) => Promise<Confined>

/** Opens sandboxes as `verify.sandbox` says. The opener throws `sandbox_...` if a sandbox cannot be opened. */
export function gateSandbox(config: SandboxConfig | null | undefined): OpenConfined {
  return async (workspace, write, signal) => {
    if (!config) return { spawn: undefined, close: () => Promise.resolve() }
    const more = requestOf(config)
    const request = { ...more, access: 'workspace-write', workspace, write: [...(more.write ?? []), ...write] } as const
    const { sandbox } = await openSandbox(config.backend, request, signal)
    return { spawn: (spec) => sandbox.spawn(spec), close: () => sandbox.close() }
  }
}

/**
 * Opens every sandbox that a run will need once over the user's checkout, so that one that is unavailable or cannot enforce its
 * settings is reported before anything is spent. Throws `sandbox_...`.
 */
export async function checkSandboxes({ workflow, verify }: Config, root: string): Promise<void> {
  const { implementer, reviewer } = workflow.roles
  await checkSandboxesOf([implementer, reviewer], verify.sandbox, root)
}

/** The same for any agents, and for the sandbox of gates and setup. */
export async function checkSandboxesOf(
  roles: readonly RoleConfig[],
  gates: SandboxConfig | null | undefined,
  root: string,
): Promise<void> {
  const network = { network: { mode: 'full' } } as const
  const wanted = [
    ...roles.map((role) => ({
      sandbox: role.sandbox,
      access: role.access,
      ...(role.provider === 'engine' ? {} : network),
    })),
    { sandbox: gates, access: 'workspace-write' as const },
  ]
  const seen = new Set<string>()
  for (const { sandbox, ...more } of wanted) {
    const key = JSON.stringify([sandbox, more])
    if (!sandbox || seen.has(key)) continue
    seen.add(key)
    const { signal } = new AbortController()
    const opened = await openSandbox(sandbox.backend, { ...more, ...requestOf(sandbox), workspace: root }, signal)
    await opened.sandbox.close()
  }
}
