import type { Access, Agent } from '../../agents/port.ts'
import type { PolicyConfig } from '../../policy/index.ts'

/** An agent as a role uses it. */
export interface RoleSetup {
  readonly agent: Agent
  readonly model: string | null
  readonly effort: string | null
  readonly access: Access
  readonly timeoutMs: number
  readonly stallMs: number
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[] | null
  /** Rules for commands from the configuration. */
  readonly policy?: PolicyConfig | undefined
}

/** `setup` with more variables. */
export function withEnv(setup: RoleSetup, env: Readonly<Record<string, string>>): RoleSetup {
  return { ...setup, env: { ...setup.env, ...env } }
}
