import { agentCli, cliMissing } from '../../../../test/support/agent-clis.ts'
import type { AgentHarness } from '../../testing/index.ts'
import { startScene } from '../../testing/scene.ts'
import { opencodeAgent } from '../index.ts'
import { opencodeHome, opencodeReply } from './home.ts'

/** The real opencode, driven by its server, against a scripted model. */
export const opencodeHarness: AgentHarness = {
  agent: opencodeAgent,
  unavailable: cliMissing('opencode'),
  model: { ask: 'scripted/m2', seen: 'm2', session: 'scripted/m2' },
  effort: null,
  refusesBadAnswers: false,
  unknownFrame: '{"type":"belay_unknown","n":1}',
  reportsCost: true,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  timedFaults: [],
  start: (steps, workspace) =>
    startScene({
      steps,
      reply: (act) => opencodeReply(act, workspace),
      home: opencodeHome,
      command: [agentCli('opencode') ?? 'opencode'],
      isSide: ({ tools }) => tools.length === 0,
    }),
}
