/** What the conformance suite needs to drive the real Codex CLI with a scripted model. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentCli, cliMissing, pathWithClis } from '../../../../test/support/agent-clis.ts'
import type { Reply } from '../../../../test/support/model-server/index.ts'
import type { Act, AgentHarness } from '../../testing/index.ts'
import { startScene, type Home } from '../../testing/scene.ts'
import { codexAgent } from '../agent.ts'

/** Path of the real CLI; null: not installed. */
export const codexPath = agentCli('codex')

export const codexUnavailable = cliMissing('codex')

export interface CodexHome extends Home {
  /** Path of its configuration file. */
  readonly config: string
}

/** A private home for codex. `settings` are lines that go before the provider's table. */
export function codexHome(url: string, settings: readonly string[] = []): CodexHome {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-codex-home-')))
  const home = join(folder, 'codex')
  const config = join(home, 'config.toml')
  // Codex links helpers of its sandbox into its home, but not if that is in a temporary folder. TMPDIR therefore points
  // elsewhere.
  const temporary = join(folder, 'tmp')
  for (const one of [home, temporary]) mkdirSync(one)
  writeFileSync(
    config,
    [
      'model_provider = "scripted"',
      'model = "gpt-5.5"',
      ...settings,
      '[model_providers.scripted]',
      'name = "scripted"',
      `base_url = "${url}/v1"`,
      'wire_api = "responses"',
      'env_key = "OPENAI_API_KEY"',
      'request_max_retries = 0',
      'stream_max_retries = 0',
      '',
    ].join('\n'),
  )
  return {
    env: { PATH: pathWithClis(), HOME: folder, CODEX_HOME: home, OPENAI_API_KEY: 'scripted', TMPDIR: temporary },
    config,
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }),
  }
}

export const codexHarness: AgentHarness = {
  agent: codexAgent,
  unavailable: codexUnavailable,
  model: { ask: 'gpt-5.2-codex', seen: 'gpt-5.2-codex' },
  effort: { ask: 'high', seen: 'high' },
  refusesBadAnswers: false,
  unknownFrame: '{"method":"thread/levitated","params":{"height":3}}',
  reportsCost: false,
  timedFaults: ['quota'],
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  start: (steps) =>
    startScene({ steps, reply: codexReply, home: (url) => codexHome(url), command: [codexPath ?? 'codex'] }),
}

/** What Codex's model replies for an act. */
export function codexReply(act: Act): Reply {
  if ('say' in act) return { say: act.say, ...(act.pieces === undefined ? {} : { pieces: act.pieces }) }
  if ('answer' in act) return { say: JSON.stringify(act.answer) }
  if ('run' in act) return { calls: [{ name: 'exec_command', input: { cmd: act.run } }] }
  if ('ask' in act) {
    const escalated = { sandbox_permissions: 'require_escalated', justification: 'it wants out' }
    return { calls: [{ name: 'exec_command', input: { cmd: act.ask, ...escalated } }] }
  }
  if ('write' in act) return { calls: [{ name: 'apply_patch', input: addFile(act.write.path, act.write.content) }] }
  if ('fail' in act) return failure(act.fail, act.retryAt)
  return act
}

function addFile(path: string, content: string): string {
  const lines = content.replace(/\n$/, '').split('\n')
  return ['*** Begin Patch', `*** Add File: ${path}`, ...lines.map((line) => `+${line}`), '*** End Patch', ''].join(
    '\n',
  )
}

/** Faults as OpenAI's service reports them. */
function failure(fault: Extract<Act, { readonly fail: unknown }>['fail'], retryAt: string | undefined): Reply {
  switch (fault) {
    case 'auth':
      return { status: 401, body: { error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } } }
    case 'rate_limit':
      return { status: 429, body: { error: { message: 'Rate limit reached', code: 'rate_limit_exceeded' } } }
    case 'provider':
      return { status: 500, body: { error: { message: 'The server had an error' } } }
    case 'quota': {
      const at = retryAt === undefined ? null : Date.parse(retryAt) / 1000
      const window = { 'x-codex-primary-used-percent': '100', 'x-codex-primary-window-minutes': '300' }
      return {
        status: 429,
        body: {
          error: {
            type: 'usage_limit_reached',
            message: 'The usage limit has been reached',
            plan_type: 'plus',
            resets_at: at,
          },
        },
        headers: at === null ? {} : { ...window, 'x-codex-primary-reset-at': String(at) },
      }
    }
  }
}
