import type { Agent } from '../port.ts'
import { codexPaths, probeCodex } from './probe.ts'
import { codexTurn, warmCodex } from './turn.ts'

/** OpenAI's Codex CLI, driven by its app-server. A server may be kept for further turns (servers.ts). */
export const codexAgent: Agent = {
  provider: 'codex',
  capabilities: {
    structuredOutput: true,
    resume: true,
    interrupt: true,
    usage: 'tokens',
    quota: true,
    readOnly: true,
    model: true,
    approvals: true,
    steer: true,
    efforts: ['minimal', 'low', 'medium', 'high', 'xhigh'],
  },
  ownPaths: codexPaths,
  probe: probeCodex,
  warm: warmCodex,
  turn: codexTurn,
}
