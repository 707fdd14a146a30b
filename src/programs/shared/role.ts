import type { Access, Agent } from '../../agents/port.ts'
import type { ModelServices } from '../../engine/index.ts'
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
  /** Who takes the turn, in this order, when this agent cannot; with failovers of their own they have nothing to do. */
  readonly failover?: readonly RoleSetup[]
  /** Rules for commands from the configuration. */
  readonly policy?: PolicyConfig | undefined
  /** Model services of the configuration. */
  readonly services?: ModelServices | undefined
  /** How long people are waited for when policy leaves something to one, in ms; null or absent: nobody is asked. */
  readonly askMs?: number | null
}

/** `setup` with more variables. */
export function withEnv(setup: RoleSetup, env: Readonly<Record<string, string>>): RoleSetup {
  const failover = setup.failover?.map((one) => withEnv(one, env))
  return { ...setup, env: { ...setup.env, ...env }, ...(failover ? { failover } : {}) }
}

/** How an agent stands in trailers and events: provider, and model when one is named. */
export function nameOf({ agent, model }: RoleSetup): string {
  return model === null ? agent.provider : `${agent.provider}/${model}`
}
