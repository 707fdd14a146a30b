import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentCli, cliMissing, pathWithClis } from '../../../../test/support/agent-clis.ts'
import type { Reply } from '../../../../test/support/model-server/index.ts'
import type { Act, AgentHarness, Fault } from '../../testing/index.ts'
import { startScene, type Home } from '../../testing/scene.ts'
import { piAgent } from '../index.ts'

/** The real pi against a scripted model. */
export const piHarness: AgentHarness = {
  agent: piAgent,
  unavailable: cliMissing('pi'),
  model: { ask: 'scripted/m2', seen: 'm2' },
  effort: { ask: 'high', seen: 'high' },
  refusesBadAnswers: false,
  unknownFrame: '{"type":"belay_unknown","n":1}',
  reportsCost: true,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  timedFaults: [],
  start: (steps) => startScene({ steps, reply: piReply, home: piHome, command: [agentCli('pi') ?? 'pi'] }),
}

/** A private home, whose only provider is the scripted model. */
export function piHome(url: string): Home {
  const home = mkdtempSync(join(tmpdir(), 'belay-pi-'))
  const folder = join(home, '.pi', 'agent')
  mkdirSync(folder, { recursive: true })
  const model = {
    reasoning: true,
    contextWindow: 100_000,
    maxTokens: 10_000,
    cost: { input: 3, output: 15, cacheRead: 0, cacheWrite: 0 },
  }
  const scripted = {
    baseUrl: `${url}/v1`,
    api: 'openai-responses',
    apiKey: 'scripted',
    models: [
      { id: 'm1', ...model },
      { id: 'm2', ...model },
    ],
  }
  writeFileSync(join(folder, 'models.json'), JSON.stringify({ providers: { scripted } }))
  const settings = { defaultProvider: 'scripted', defaultModel: 'm1', retry: { enabled: false } }
  writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings))
  return {
    env: { PATH: pathWithClis(), HOME: home },
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }),
  }
}

const STATUS: Readonly<Record<Fault, number>> = { rate_limit: 429, quota: 429, auth: 401, provider: 500 }

/** What pi's model replies for an act. */
export function piReply(act: Act): Reply {
  if ('say' in act) return { say: act.say, pieces: act.pieces ?? 1 }
  if ('answer' in act) return { say: JSON.stringify(act.answer) }
  if ('write' in act) return { calls: [{ name: 'write', input: { path: act.write.path, content: act.write.content } }] }
  if ('run' in act) return { calls: [{ name: 'bash', input: { command: act.run } }] }
  if ('ask' in act) return { calls: [{ name: 'bash', input: { command: act.ask } }] }
  if ('fail' in act) {
    const error = { message: 'You exceeded your current quota', type: 'insufficient_quota', code: 'insufficient_quota' }
    return { status: STATUS[act.fail], ...(act.fail === 'quota' ? { body: { error } } : {}) }
  }
  return act
}
