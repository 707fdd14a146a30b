import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentCli, cliMissing } from '../../../../test/support/agent-clis.ts'
import type { Reply } from '../../../../test/support/model-server/index.ts'
import type { Act, AgentHarness, Fault, Step } from '../../testing/index.ts'
import { startScene, type Home } from '../../testing/scene.ts'
import { claudeAgent } from '../index.ts'

const STATUS: Readonly<Record<Fault, number>> = { rate_limit: 429, quota: 429, auth: 401, provider: 500 }

/** The real Claude Code against a scripted model. */
export const claudeHarness: AgentHarness = {
  agent: claudeAgent,
  unavailable: cliMissing('claude'),
  model: { ask: 'claude-opus-4-6', seen: 'claude-opus-4-6' },
  effort: { ask: 'high', seen: 'high' },
  refusesBadAnswers: true,
  unknownFrame: '{"type":"belay_unknown","n":1}',
  reportsCost: true,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  timedFaults: ['quota'],
  start: (steps, workspace) =>
    startScene({
      steps,
      reply: (act) => claudeReply(act, workspace),
      home: (url) => claudeHome(url, steps),
      command: [agentCli('claude') ?? 'claude'],
    }),
}

/** Claude Code only reports a plan's limits to those who logged in with a plan. */
function claudeHome(url: string, steps: readonly Step[]): Home {
  const home = mkdtempSync(join(tmpdir(), 'belay-claude-'))
  const login = steps.some((step) => 'fail' in step && step.fail === 'quota') ? 'plan' : 'key'
  return {
    env: { ...claudeEnv(url, login), PATH: process.env['PATH'] ?? '', HOME: home },
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }),
  }
}

/**
 * Variables that point Claude Code to the model; the caller adds PATH and a private HOME. A plan's limits are only reported
 * with a plan's login, not with an API key.
 */
export function claudeEnv(url: string, login: 'plan' | 'key'): Readonly<Record<string, string>> {
  return {
    ...(login === 'plan' ? { CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-scripted' } : { ANTHROPIC_API_KEY: 'scripted' }),
    IS_SANDBOX: '1',
    ANTHROPIC_BASE_URL: url,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_MAX_RETRIES: '0',
  }
}

/** What Claude Code's model replies for an act. The tools need absolute paths, hence `workspace`. */
export function claudeReply(step: Act, workspace: string): Reply {
  if ('say' in step) return { say: step.say, pieces: step.pieces ?? 1 }
  if ('write' in step) {
    const { path, content } = step.write
    return { calls: [{ name: 'Write', input: { file_path: join(workspace, path), content } }] }
  }
  if ('run' in step) return bash(step.run)
  if ('ask' in step) return bash(step.ask)
  if ('answer' in step) return { calls: [{ name: 'StructuredOutput', input: step.answer as Record<string, unknown> }] }
  if ('disconnect' in step) return { disconnect: true }
  if ('hang' in step) return { hang: true }
  return { status: STATUS[step.fail], headers: step.fail === 'quota' ? limitHeaders(step.retryAt) : {} }
}

function bash(command: string): Reply {
  return { calls: [{ name: 'Bash', input: { command, description: 'run it' } }] }
}

function limitHeaders(retryAt: string | undefined): Readonly<Record<string, string>> {
  return {
    'anthropic-ratelimit-unified-status': 'rejected',
    'anthropic-ratelimit-unified-representative-claim': 'five_hour',
    ...(retryAt === undefined ? {} : { 'anthropic-ratelimit-unified-reset': String(Date.parse(retryAt) / 1000) }),
  }
}
