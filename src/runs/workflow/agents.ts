import { createEngineAgent, localDeps } from '../../agents/engine/index.ts'
import type { RoleSetup } from '../../programs/shared/role.ts'
import { allStates, type AgentState } from '../../workflows/index.ts'
import { setUp, withPolicy } from '../roles.ts'
import { inSandbox } from '../sandboxes.ts'
import type { WorkflowConfig } from './config.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The agent of a step as configured, with the command policy and model services of the project or else of the user. */
export function setUpStep(
  state: AgentState,
  config: Pick<WorkflowConfig, 'project' | 'policy' | 'approvals' | 'providers'>,
  env: Environment,
): RoleSetup {
  const { role, agentDefinition: definition } = state
  const setup = withPolicy(setUp(role, env), config.project ?? config)
  if (definition === null) return setup
  const agent = createEngineAgent({ ...localDeps, settings: () => ({ definition }) })
  return { ...setup, agent: inSandbox(agent, role.sandbox) }
}

/** The agents of a workflow's steps, by step. */
export function agentsOf(config: WorkflowConfig, env: Environment): Readonly<Record<string, RoleSetup>> {
  return Object.fromEntries(
    allStates(config.definition.flow).flatMap((state) =>
      state.type === 'agent' ? [[`agent of step ${state.id}`, setUpStep(state, config, env)]] : [],
    ),
  )
}
