import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentCli, cliMissing, pathWithClis, type CliName } from '../../../../test/support/agent-clis.ts'
import type { ModelRequest, Reply } from '../../../../test/support/model-server/index.ts'
import { claudeEnv, claudeReply } from '../../claude/testing/harness.ts'
import { codexHome, codexReply } from '../../codex/testing/harness.ts'
import type { Act, AgentHarness, Fault, Step } from '../../testing/index.ts'
import { startScene, type Home } from '../../testing/scene.ts'
import { opencodeHome, opencodeReply } from '../../opencode/testing/home.ts'
import { acpAnyAgent, claudeAcpAgent, codexAcpAgent, geminiAgent, opencodeAcpAgent } from '../index.ts'

interface Play {
  readonly cli: CliName
  readonly args: readonly string[]
  home(url: string, steps: readonly Step[]): Home
  reply(act: Act, workspace: string): Reply
  isSide?(request: ModelRequest): boolean
}

/** Scripts the model of a real agent that speaks ACP. */
function starting({ cli, args, home, reply, isSide }: Play): AgentHarness['start'] {
  return (steps, workspace) =>
    startScene({
      steps,
      reply: (act) => reply(act, workspace),
      home: (url) => home(url, steps),
      command: [agentCli(cli) ?? cli, ...args],
      ...(isSide ? { isSide } : {}),
    })
}

const COMMON = {
  effort: null,
  refusesBadAnswers: false,
  unknownFrame: '{"jsonrpc":"2.0","method":"belay/unknown","params":{"n":1}}',
  timedFaults: [],
} as const

export const codexAcpHarness: AgentHarness = {
  ...COMMON,
  agent: codexAcpAgent,
  unavailable: cliMissing('codex-acp'),
  model: { ask: 'gpt-5.4', seen: 'gpt-5.4' },
  reportsCost: false,
  // It can only refuse by ending the turn.
  stopsWhenDenied: true,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  start: starting({ cli: 'codex-acp', args: [], home: (url) => codexHome(url), reply: codexReply }),
}

export const claudeAcpHarness: AgentHarness = {
  ...COMMON,
  agent: claudeAcpAgent,
  unavailable: cliMissing('claude-agent-acp'),
  model: { ask: 'opus', seen: 'claude-opus-5-5', session: 'opus' },
  effort: { ask: 'high', seen: 'high' },
  reportsCost: true,
  costAfterResume: false,
  timedFaults: ['quota'],
  timesToMs: 60_000,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  start: starting({ cli: 'claude-agent-acp', args: [], home: claudeHome, reply: claudeAcpReply, isSide: isClaudeSide }),
}

export const geminiHarness: AgentHarness = {
  ...COMMON,
  agent: geminiAgent,
  unavailable: cliMissing('gemini'),
  model: { ask: 'gemini-2.5-pro', seen: 'gemini-2.5-pro' },
  reportsCost: false,
  reportsOutput: false,
  namesCommand: false,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  start: starting({
    cli: 'gemini',
    args: ['--acp'],
    home: geminiHome,
    reply: geminiReply,
    isSide: ({ tools }) => tools.length === 0,
  }),
}

export const opencodeAcpHarness: AgentHarness = {
  ...COMMON,
  agent: opencodeAcpAgent,
  unavailable: cliMissing('opencode'),
  model: { ask: 'scripted/m2', seen: 'm2', session: 'scripted/m2' },
  reportsCost: true,
  costAfterResume: false,
  faults: ['rate_limit', 'quota', 'auth', 'provider'],
  start: starting({
    cli: 'opencode',
    args: ['acp'],
    home: opencodeHome,
    reply: opencodeReply,
    isSide: ({ tools }) => tools.length === 0,
  }),
}

/** An agent of which only the program is known: opencode, configured to ask. */
export const anyAcpHarness: AgentHarness = {
  ...opencodeAcpHarness,
  agent: acpAnyAgent,
  // As opencode behaves without Belay's settings.
  stopsWhenDenied: true,
  start: starting({
    cli: 'opencode',
    args: ['acp'],
    home: askingHome,
    reply: opencodeReply,
    isSide: ({ tools }) => tools.length === 0,
  }),
}

function askingHome(url: string): Home {
  const { env, remove } = opencodeHome(url)
  const config = JSON.stringify({ permission: { edit: 'ask', bash: 'ask' } })
  return { env: { ...env, OPENCODE_CONFIG_CONTENT: config }, remove }
}

function folder(name: string): string {
  return mkdtempSync(join(tmpdir(), `belay-${name}-`))
}

/** Requests for titles and for suggestions of the user's next prompt. */
function isClaudeSide({ model, tools, text }: ModelRequest): boolean {
  return tools.length === 0 || model.includes('haiku') || text.includes('Reply with ONLY the suggestion')
}

/** The bridge does not pass a schema on: an answer is text. */
function claudeAcpReply(act: Act, workspace: string): Reply {
  return 'answer' in act ? { say: JSON.stringify(act.answer) } : claudeReply(act, workspace)
}

function claudeHome(url: string, steps: readonly Step[]): Home {
  const home = folder('claude-acp')
  const login = steps.some((step) => 'fail' in step && step.fail === 'quota') ? 'plan' : 'key'
  return {
    env: { ...claudeEnv(url, login), PATH: pathWithClis(), HOME: home },
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }),
  }
}

function geminiHome(url: string): Home {
  const home = folder('gemini')
  mkdirSync(join(home, '.gemini'))
  writeFileSync(
    join(home, '.gemini', 'settings.json'),
    JSON.stringify({
      general: { maxAttempts: 1 },
      privacy: { usageStatisticsEnabled: false },
      security: { auth: { selectedType: 'gemini-api-key' } },
      model: { name: 'gemini-2.5-flash' },
    }),
  )
  return {
    env: {
      PATH: pathWithClis(),
      HOME: home,
      GEMINI_API_KEY: 'scripted',
      GOOGLE_GEMINI_BASE_URL: url,
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
    },
    remove: () => rmSync(home, { recursive: true, force: true, maxRetries: 10 }),
  }
}

const STATUS: Readonly<Record<Fault, number>> = { rate_limit: 429, quota: 429, auth: 401, provider: 500 }

function geminiReply(act: Act, workspace: string): Reply {
  if ('say' in act) return { say: act.say, pieces: act.pieces ?? 1 }
  if ('answer' in act) return { say: JSON.stringify(act.answer) }
  if ('write' in act) {
    const { path, content } = act.write
    return { calls: [{ name: 'write_file', input: { file_path: join(workspace, path), content } }] }
  }
  if ('run' in act) return shell(act.run)
  if ('ask' in act) return shell(act.ask)
  if ('fail' in act) return act.fail === 'quota' ? spent() : { status: STATUS[act.fail] }
  return act
}

/** A used-up daily allowance, as Gemini's service reports it. */
function spent(): Reply {
  const violation = { quotaMetric: 'requests', quotaId: 'GenerateRequestsPerDayPerProjectPerModel', quotaValue: '50' }
  const failure = { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [violation] }
  const message = 'You exceeded your current quota, please check your plan and billing details.'
  return { status: 429, body: { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message, details: [failure] } } }
}

function shell(command: string): Reply {
  return { calls: [{ name: 'run_shell_command', input: { command, description: 'run it' } }] }
}
