import { agentCli, cliMissing } from '../../../../test/support/agent-clis.ts'
import { startModelServer } from '../../../../test/support/model-server/index.ts'
import type { AgentHarness, Scene, Step } from '../../testing/index.ts'
import { opencodeAgent } from '../index.ts'
import { opencodeHome, opencodeReply } from './home.ts'

/** The real opencode, by its server, against a scripted model. */
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
  start,
}

async function start(steps: readonly Step[], workspace: string): Promise<Scene> {
  const model = await startModelServer({
    steps: steps.map((step) => ({
      reply: opencodeReply(step, workspace),
      every: step.every ?? false,
      ...(step.expect === undefined ? {} : { expect: step.expect }),
    })),
    isSide: ({ tools }) => tools.length === 0,
  })
  const home = opencodeHome(model.url)
  return {
    env: home.env,
    command: [agentCli('opencode') ?? 'opencode'],
    asked: () => model.requests,
    reached: (index) => model.reached(index),
    async close() {
      try {
        await model.close()
      } finally {
        home.remove()
      }
    },
  }
}
