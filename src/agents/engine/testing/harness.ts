/**
 * What the conformance suite needs to drive the engine with a scripted model: the real wire format, the `host` sandbox, the
 * real tools.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reply } from '../../../../test/support/model-server/index.ts'
import { memoryHistory } from '../../../engine/index.ts'
import type { CommandPolicy } from '../../../policy/port.ts'
import { openSandbox } from '../../../sandbox/index.ts'
import type { Act, AgentHarness, Fault } from '../../testing/index.ts'
import { startScene, type Home } from '../../testing/scene.ts'
import { createEngineAgent } from '../agent.ts'
import type { EngineDeps } from '../deps.ts'

/** Asks about commands that end in `# ask`. The real rules have their own tests. */
const marked: CommandPolicy = {
  judge({ command, access }) {
    const writes = access === 'read-only' && command.includes('>')
    const decision = writes ? 'deny' : command.endsWith('# ask') ? 'ask' : 'allow'
    return { decision, reason: `the test's rule says ${decision}`, findings: [] }
  },
}

const conversations = new Map<string, ReturnType<typeof memoryHistory>>()

/** Everything is real except the policy, the history and the delays between retries. */
export const testDeps: EngineDeps = {
  openSandbox: (_, request, signal) => openSandbox('host', request, signal),
  policy: () => marked,
  openHistory(request) {
    const id = request.resume ?? `conversation-${conversations.size}`
    const history = conversations.get(id) ?? memoryHistory()
    conversations.set(id, history)
    const store = mkdtempSync(join(tmpdir(), 'belay-engine-store-'))
    const close = async (): Promise<void> => rmSync(store, { recursive: true, force: true })
    return Promise.resolve({ id, history, store, close })
  },
  retry: { retries: 2, baseMs: 1, maxMs: 50 },
}

export const engineHarness: AgentHarness = {
  agent: createEngineAgent(testDeps),
  unavailable: null,
  inProcess: true,
  model: { ask: 'openai/gpt-5.4', seen: 'gpt-5.4', session: 'openai/gpt-5.4' },
  effort: { ask: 'high', seen: 'high' },
  refusesBadAnswers: true,
  unknownFrame: '',
  reportsCost: true,
  timedFaults: ['quota', 'rate_limit'],
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  start: (steps) => startScene({ steps, reply: replyOf, home: engineHome, command: [] }),
}

function engineHome(url: string): Home {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'belay-engine-home-')))
  mkdirSync(join(home, 'tmp'))
  return {
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: home,
      OPENAI_BASE_URL: `${url}/v1`,
      OPENAI_API_KEY: 'scripted',
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  }
}

function replyOf(act: Act): Reply {
  if ('say' in act) return { say: act.say, ...(act.pieces === undefined ? {} : { pieces: act.pieces }) }
  if ('answer' in act) return { say: JSON.stringify(act.answer) }
  if ('run' in act) return { calls: [{ name: 'bash', input: { command: act.run } }] }
  if ('ask' in act) return { calls: [{ name: 'bash', input: { command: `${act.ask} # ask` } }] }
  if ('write' in act)
    return { calls: [{ name: 'write', input: { file_path: act.write.path, content: act.write.content } }] }
  if ('fail' in act) return failure(act.fail, act.retryAt)
  return act
}

/** Faults as OpenAI's service reports them. */
function failure(fault: Fault, retryAt: string | undefined): Reply {
  const headers = retryAt === undefined ? {} : { 'retry-after': new Date(retryAt).toUTCString() }
  switch (fault) {
    case 'auth':
      return { status: 401, body: { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } } }
    case 'rate_limit':
      return { status: 429, headers, body: { error: { message: 'Rate limit reached', code: 'rate_limit_exceeded' } } }
    case 'provider':
      return { status: 500, body: { error: { message: 'The server had an error' } } }
    case 'quota':
      return {
        status: 429,
        headers,
        body: { error: { message: 'You exceeded your current quota', code: 'insufficient_quota' } },
      }
  }
}
