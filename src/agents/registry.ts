import { BelayError } from '../core/errors.ts'
import { acpAnyAgent, claudeAcpAgent, codexAcpAgent, geminiAgent, opencodeAcpAgent } from './acp/index.ts'
import { claudeAgent } from './claude/index.ts'
import { codexAgent } from './codex/index.ts'
import { commandAgent } from './command/index.ts'
import { engineAgent } from './engine/index.ts'
import { opencodeAgent } from './opencode/index.ts'
import { piAgent } from './pi/index.ts'
import type { Agent } from './port.ts'

/** Every agent that Belay can drive, by the name that `workflow.roles.X.provider` uses. */
export const AGENTS: readonly Agent[] = [
  claudeAgent,
  codexAgent,
  opencodeAgent,
  piAgent,
  geminiAgent,
  claudeAcpAgent,
  codexAcpAgent,
  opencodeAcpAgent,
  acpAnyAgent,
  commandAgent,
  engineAgent,
]

/** The agent of this name. Throws `agent_unknown`. */
export function findAgent(provider: string): Agent {
  const agent = AGENTS.find((one) => one.provider === provider)
  if (agent) return agent
  throw new BelayError('agent_unknown', `there is no agent "${provider}"`, {
    expected: AGENTS.map((one) => one.provider).join(', '),
    received: provider,
    next: 'belay agents list',
  })
}
