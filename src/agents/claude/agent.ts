import type { Agent } from '../port.ts'
import { runDialogue } from '../stdio/index.ts'
import { ClaudeDialogue } from './dialogue.ts'
import { EFFORTS } from './launch.ts'
import { claudePaths, probeClaude } from './probe.ts'

/** Claude Code, one process per turn, by its stream-json protocol. `command` replaces the program `claude` of `env.PATH`. */
export const claudeAgent: Agent = {
  provider: 'claude',
  capabilities: {
    structuredOutput: true,
    resume: true,
    interrupt: true,
    usage: 'reported',
    quota: true,
    readOnly: true,
    model: true,
    approvals: true,
    steer: true,
    efforts: EFFORTS,
  },
  ownPaths: claudePaths,
  probe: probeClaude,
  turn: (request) => runDialogue(request, new ClaudeDialogue(request)),
}
