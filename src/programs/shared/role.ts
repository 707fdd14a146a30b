import type { Access, Agent } from '../../agents/port.ts'
import type { ModelServices } from '../../engine/index.ts'
import type { PolicyConfig } from '../../policy/index.ts'

/** An agent as configured for a role. */
export interface RoleSetup {
  readonly agent: Agent
  readonly model: string | null
  readonly effort: string | null
  readonly access: Access
  readonly timeoutMs: number
  readonly stallMs: number
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[] | null
  /** The agents that take the turn, in this order, when this one cannot. Their own `failover` is ignored. */
  readonly failover?: readonly RoleSetup[]
  /** Command rules from the configuration. */
  readonly policy?: PolicyConfig | undefined
  /** Model services from the configuration. */
  readonly services?: ModelServices | undefined
  /**
   * How long a question waits for a person when the policy leaves the decision to one, in ms; null or absent: nobody is asked.
   */
  readonly askMs?: number | null
}

/** `setup` with more variables, also for its failover agents. */
export function withEnv(setup: RoleSetup, env: Readonly<Record<string, string>>): RoleSetup {
  const failover = setup.failover?.map((one) => withEnv(one, env))
  return { ...setup, env: { ...setup.env, ...env }, ...(failover ? { failover } : {}) }
}

/** An agent's name in trailers and events: provider, and model if one is set. */
export function nameOf({ agent, model }: RoleSetup): string {
  return model === null ? agent.provider : `${agent.provider}/${model}`
}
