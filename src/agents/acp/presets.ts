/** Agents that speak ACP and whose specifics are known. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { EFFORTS, READ_ONLY_TOOLS } from '../claude/launch.ts'
import { claudePaths, isLoggedIn as isClaudeLoggedIn } from '../claude/probe.ts'
import { apiKeyOf, codexHome, codexPaths } from '../codex/probe.ts'
import { tokensOf } from '../codex/rollout.ts'
import { resetTimeIn } from '../claude/reset-time.ts'
import { watchInterruption } from '../claude/transcript.ts'
import type { Fault } from '../fault.ts'
import { guessedPaths } from '../paths/guessed.ts'
import { OPENCODE_TESTED, opencodePaths } from '../opencode/paths.ts'
import { opencodeEnvironment, opencodeSettings } from '../opencode/settings.ts'
import type { TurnRequest } from '../port.ts'
import { geminiPaths } from './gemini-paths.ts'
import type { AcpPreset } from './preset.ts'

/** As for `claude` itself: no tool that writes, and no hooks of the project. */
const READ_ONLY_OPTIONS = { tools: READ_ONLY_TOOLS, settingSources: ['user'] }

type Env = Readonly<Record<string, string>>

/** Any other agent: the user names its program. */
export const anyPreset: AcpPreset = {
  provider: 'acp',
  program: null,
  install: 'set workflow.roles.X.command to a program that speaks ACP on stdin and stdout',
  capabilities: { usage: 'none', readOnly: false, model: true },
  ownPaths: guessedPaths,
  guessesPaths: true,
}

export const geminiPreset: AcpPreset = {
  provider: 'gemini',
  program: ['gemini', '--acp'],
  install: 'npm install -g @google/gemini-cli',
  tested: '0.61.0',
  login: 'start gemini in a terminal and log in, or set GEMINI_API_KEY',
  // It offers session/load, but does not find sessions of other processes. Its plan mode writes nothing, but the project's
  // settings may name hooks and servers: commands that the change under review may have written.
  capabilities: { usage: 'tokens', readOnly: false, model: true, resume: false },
  args: ({ model }) => (model === null ? [] : [`--model=${model}`]),
  mode: ({ access, approve }) => (access === 'read-only' ? 'plan' : approve === null ? 'yolo' : 'default'),
  ownPaths: geminiPaths,
  loginMethod: (env) => (env.GEMINI_API_KEY ? 'gemini-api-key' : env.GOOGLE_GENAI_USE_VERTEXAI ? 'vertex-ai' : null),
  loggedIn: (env) =>
    Boolean(env.GEMINI_API_KEY || env.GOOGLE_API_KEY || env.GOOGLE_GENAI_USE_VERTEXAI) ||
    existsSync(join(homeOf(env), '.gemini', 'oauth_creds.json')),
}

export const opencodePreset: AcpPreset = {
  provider: 'opencode-acp',
  program: ['opencode', 'acp'],
  install: 'npm install -g opencode-ai',
  tested: OPENCODE_TESTED,
  login: 'opencode auth login',
  capabilities: { usage: 'reported', readOnly: true, model: true },
  environment: opencodeEnvironment,
  settings: opencodeSettings,
  ownPaths: opencodePaths,
}

export const claudePreset: AcpPreset = {
  provider: 'claude-acp',
  program: ['claude-agent-acp'],
  install: 'npm install -g @agentclientprotocol/claude-agent-acp',
  tested: '0.100.0',
  login: 'claude-agent-acp --cli, then /login; or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN',
  capabilities: { usage: 'reported', readOnly: true, model: true, quota: true, efforts: EFFORTS },
  fault: planLimit,
  watchInterruption,
  meta: ({ access, effort }) => ({
    claudeCode: {
      options: { ...(access === 'read-only' ? READ_ONLY_OPTIONS : {}), ...(effort === null ? {} : { effort }) },
    },
  }),
  mode: ({ access, approve }) => (access === 'read-only' || approve !== null ? 'default' : 'bypassPermissions'),
  // Suggestions for the user's next prompt are for people at a screen, and each costs a request.
  environment: () => ({ DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION: 'false' }),
  ownPaths: claudePaths,
  loggedIn: isClaudeLoggedIn,
}

/** Sandbox mode and approval policy of codex's session modes. */
const CODEX_MODES = {
  'read-only': ['read-only', 'on-request'],
  auto: ['workspace-write', 'on-request'],
  'full-access': ['danger-full-access', 'never'],
} as const

function codexMode({ access, approve }: Pick<TurnRequest, 'access' | 'approve'>): keyof typeof CODEX_MODES {
  if (access === 'read-only') return 'read-only'
  return access === 'full' && approve === null ? 'full-access' : 'auto'
}

export const codexPreset: AcpPreset = {
  provider: 'codex-acp',
  program: ['codex-acp'],
  install: 'npm install -g @zed-industries/codex-acp',
  tested: '0.16.0',
  mayNotTell: true,
  login: 'codex login, or set OPENAI_API_KEY or CODEX_API_KEY',
  capabilities: { usage: 'tokens', readOnly: true, model: true },
  tokens: tokensOf,
  // The mode is set at start: switching to a mode later makes codex store the workspace as trusted in the user's settings.
  args: (request) => {
    const [sandbox, policy] = CODEX_MODES[codexMode(request)]
    return ['-c', `sandbox_mode="${sandbox}"`, '-c', `approval_policy="${policy}"`]
  },
  mode: codexMode,
  confines: true,
  ownPaths: codexPaths,
  loginMethod: (env) => (env.CODEX_API_KEY ? 'codex-api-key' : env.OPENAI_API_KEY ? 'openai-api-key' : null),
  loggedIn: (env) => apiKeyOf(env) !== null || existsSync(join(codexHome(env), 'auth.json')),
}

/**
 * The bridge reports a plan's limit as a rate limit; only its text tells: "You've hit your 5-hour limit · resets 6:34pm (UTC)".
 */
function planLimit(text: string): Fault | null {
  if (!/hit your .*limit|usage limit/i.test(text)) return null
  return { code: 'quota', message: text, retryAt: resetTimeIn(text, Date.now()) }
}

function homeOf(env: Env): string {
  return env.HOME ?? homedir()
}
