import type { Access } from '../core/words.ts'
import { ownOf } from '../agents/own.ts'
import type { TurnRequest } from '../agents/port.ts'
import type { Network } from '../sandbox/index.ts'
import type { ChosenAgent } from './settings.ts'

export interface ConfineOptions {
  readonly cwd: string
  readonly access: Access
  readonly sandbox: string | null
  readonly network: Network | null
  readonly signal: AbortSignal
}

/** How an agent's program is started. */
export interface Confinement {
  readonly spawn: TurnRequest['spawn']
  readonly confined: boolean
  /** What the agent is told it may do: in a sandbox everything, because the sandbox keeps it to `access`. */
  readonly access: Access
  readonly warning: string | null
  /** Resolves with what people are to be told of what it took away. */
  close(): Promise<readonly string[]>
}

/**
 * The sandbox of an agent that is a program of its own: asked for, it is opened with the agent's own paths (login,
 * conversations) and the network, without which it cannot reach its model. Not asked for, it is `os` where that works, else the
 * agent runs as it is, which is told; so does one whose own paths are not known. Throws `sandbox_...`.
 */
export async function confineAgent(chosen: ChosenAgent, options: ConfineOptions): Promise<Confinement> {
  const { agent, env } = chosen
  const { cwd, access, network, signal } = options
  // What an unknown program keeps, and where, nobody can say: it would break in ways that nobody understands.
  const name = options.sandbox ?? (agent.ownPaths === undefined ? null : 'auto')
  if (name === null) {
    const warning = `${agent.provider} runs as it is, confined by nothing but itself (--sandbox os confines it)`
    return { spawn: null, confined: false, access, warning, close: () => Promise.resolve([]) }
  }
  const { openSandbox, takenAway } = await import('../sandbox/index.ts')
  const request = { access, workspace: cwd, ...ownOf(agent, env), network: network ?? { mode: 'full' as const } }
  const { sandbox, warning } = await openSandbox(name, request, signal)
  return {
    spawn: (spec) => sandbox.spawn(spec),
    confined: sandbox.confined,
    access: sandbox.confined ? 'full' : access,
    warning,
    async close() {
      await sandbox.close()
      return takenAway(sandbox)
    },
  }
}
