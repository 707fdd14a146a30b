import { configHome, stateHome } from '../../core/home.ts'
import type { CommandPolicy } from '../../policy/index.ts'
import { SessionStore, newSessionId } from '../../sessions/index.ts'
import type { TurnRequest } from '../port.ts'
import { createEngineAgent } from './agent.ts'
import type { EngineDeps, EngineHistory } from './deps.ts'

/**
 * The engine's surroundings on this machine: the requested sandbox, the configured policy, and conversations kept as sessions
 * in Belay's state folder, so that they outlive the process and can be inspected.
 */
export const localDeps: EngineDeps = {
  async openSandbox(name, request, signal) {
    const { openSandbox } = await import('../../sandbox/index.ts')
    return openSandbox(name, request, signal)
  },
  policy: policyOf,
  openHistory: openConversation,
  userFolder: configHome,
}

/** The engine as runs use it. */
export const engineAgent = createEngineAgent(localDeps)

async function policyOf({ policy }: TurnRequest): Promise<CommandPolicy> {
  const { createPolicy, policyRules } = await import('../../policy/index.ts')
  return createPolicy(policyRules(policy))
}

async function openConversation(request: TurnRequest): Promise<EngineHistory> {
  const store = new SessionStore(stateHome(request.env))
  const id = request.resume ?? newSessionId(Date.now())
  if (request.resume === null) {
    const title = request.task.title
    await store.create(id, { provider: 'engine', model: request.model, cwd: request.cwd, title })
  }
  const session = await store.open(id, `run ${request.run}`)
  return { id, history: session.history, store: await session.store(), close: () => session.close() }
}
