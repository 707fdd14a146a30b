/** The environment of agents and of gates: inherited, except what must not leak. */

/** Agents set these for their own children. An agent that sees them refuses to start, or reports to the wrong parent. */
const NESTING_MARKERS = new Set([
  'CLAUDECODE',
  'CLAUDE_CODE_ENTRYPOINT',
  'CLAUDE_CODE_SSE_PORT',
  'CLAUDE_CODE_SESSION_ID',
  'CLAUDE_AGENT_SDK_VERSION',
  'CODEX_SANDBOX',
  'CODEX_SANDBOX_NETWORK_DISABLED',
  'CODEX_THREAD_ID',
  'OPENCODE',
  'OPENCODE_SERVER',
  'GEMINI_CLI',
  'AI_AGENT',
])

/** Tokens for forges, and the SSH agent: only Belay itself talks to forges. */
const FORGE_SECRETS = new Set([
  'GH_TOKEN',
  'GITHUB_TOKEN',
  'GH_ENTERPRISE_TOKEN',
  'GITHUB_ENTERPRISE_TOKEN',
  'GITHUB_BOT_TOKEN',
  'GITLAB_TOKEN',
  'GITLAB_PRIVATE_TOKEN',
  'GITLAB_ACCESS_TOKEN',
  'GL_TOKEN',
  'CI_JOB_TOKEN',
  'BITBUCKET_TOKEN',
  'BITBUCKET_APP_PASSWORD',
  'GITEA_TOKEN',
  'FORGEJO_TOKEN',
  'CODEBERG_TOKEN',
  'AZURE_DEVOPS_EXT_PAT',
  'SYSTEM_ACCESSTOKEN',
  'SSH_AUTH_SOCK',
  // Access to Belay's own event stream.
  'BELAY_NATS_TOKEN',
  'BELAY_NATS_USER',
  'BELAY_NATS_PASSWORD',
  'BELAY_NATS_CREDS',
  'BELAY_NATS_CA',
  'BELAY_NATS_CERT',
  'BELAY_NATS_KEY',
])

/** Keys and logins for model providers, which gates do not need. */
const MODEL_SECRETS =
  /^(ANTHROPIC_.*|CLAUDE_CODE_OAUTH_TOKEN|OPENAI_.*|CODEX_API_KEY|CODEX_ACCESS_TOKEN|GEMINI_API_KEY|GOOGLE_API_KEY|GOOGLE_GENERATIVE_AI_API_KEY|AZURE_OPENAI_.*|AWS_BEARER_TOKEN_BEDROCK|OPENROUTER_API_KEY|MISTRAL_API_KEY|DEEPSEEK_API_KEY|XAI_API_KEY|GROQ_API_KEY|CEREBRAS_API_KEY|FIREWORKS_API_KEY|TOGETHER_API_KEY|HF_TOKEN)$/

type Environment = Readonly<Record<string, string | undefined>>
type KeyedServices = Readonly<Record<string, { readonly keyEnv: string | null }>>

function without(env: Environment, drop: (name: string) => boolean): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !drop(name)) kept[name] = value
  return kept
}

/** The environment of an agent. `changes` adds variables, or removes them (null), as `workflow.roles.X.env` says. */
export function agentEnvironment(
  env: Environment,
  changes: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const kept = without(env, (name) => NESTING_MARKERS.has(name) || FORGE_SECRETS.has(name) || isForeignGit(name))
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete kept[name]
    else kept[name] = value
  }
  return kept
}

/**
 * The environment of programs that are no agents (gates, setup commands, notify commands): as for agents, without model keys.
 * `services`: the configured model services (`providers`), whose keys are left out too.
 */
export function gateEnvironment(env: Environment, services: KeyedServices | undefined): Record<string, string> {
  const keys = new Set(Object.values(services ?? {}).map(({ keyEnv }) => keyEnv))
  return without(agentEnvironment(env), (name) => MODEL_SECRETS.test(name) || keys.has(name))
}

/** If Belay runs in a git hook, these would point a child's git at the user's repository or index. */
function isForeignGit(name: string): boolean {
  return /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|PREFIX)$/.test(name)
}
