import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { configHome } from '../core/home.ts'
import { isRepositoryRoot } from '../core/repository.ts'
import { nearest } from '../core/text.ts'
import { agentEnvironment } from '../agents/environment.ts'
import type { Agent } from '../agents/port.ts'
import { hasPrice } from '../agents/prices.ts'
import type { Config, RoleConfig, SandboxConfig } from '../config/index.ts'

type Environment = Readonly<Record<string, string | undefined>>

export const CONFIG_FILES = ['belay.yaml', 'belay.toml', 'belay.yml'] as const

/** `cwd` and the folders above it, up to the root of its repository. */
export function foldersAbove(cwd: string): readonly string[] {
  const folders: string[] = []
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(folder)
    if (isRepositoryRoot(folder) || dirname(folder) === folder) return folders
  }
}

/** The nearest folder at or above `cwd`, within the repository, that has a configuration file; null: there is none. */
export function configuredRoot(cwd: string): string | null {
  const found = foldersAbove(cwd).find((folder) => CONFIG_FILES.some((name) => existsSync(join(folder, name))))
  return found ?? null
}

const loaded = new Map<string, Promise<Config | null>>()

/**
 * The configuration for work in `cwd`; null: neither the project nor the user has a file. Read once per process, so that an
 * agent cannot change it during its work. Throws `config_invalid`.
 */
export function configFor(cwd: string, env: Environment): Promise<Config | null> {
  const known = loaded.get(cwd) ?? readConfig(cwd, env)
  loaded.set(cwd, known)
  return known
}

async function readConfig(cwd: string, env: Environment): Promise<Config | null> {
  const root = configuredRoot(cwd)
  if (root === null && !hasUserFile(env)) return null
  const { loadConfig } = await import('../config/index.ts')
  return (await loadConfig({ root: root ?? cwd, env })).config
}

/** Checked before the configuration's code is loaded, which takes longer than most of an exec. */
function hasUserFile(env: Environment): boolean {
  const folder = configHome(env)
  return ['config.yaml', 'config.toml', 'config.yml'].some((name) => existsSync(join(folder, name)))
}

/** The roles that the project configures; none without a file. */
async function rolesFor(cwd: string, env: Environment): Promise<readonly RoleConfig[]> {
  const config = configuredRoot(cwd) === null ? null : await configFor(cwd, env)
  return config === null ? [] : Object.values(config.workflow.roles)
}

/** The first configured role with that agent; null: there is none. Throws `config_invalid`. */
export async function roleOf(provider: string, cwd: string, env: Environment): Promise<RoleConfig | null> {
  return (await rolesFor(cwd, env)).find((one) => one.provider === provider) ?? null
}

/** What the command line asked for, as text; null: not given. */
export interface WantedAgent {
  readonly agent: string | null
  readonly model: string | null
  readonly effort: string | null
}

/** An installed agent, and how to start it. */
export interface ChosenAgent {
  readonly agent: Agent
  readonly model: string | null
  readonly effort: string | null
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  /** The role's sandbox; null: none is configured. */
  readonly sandbox: SandboxConfig | null
}

/**
 * The agent of that name, with program, environment, model and effort of the first configured role that uses it. Throws
 * `agent_unknown`, `agent_missing`, `agent_not_logged_in`, `effort_unknown`, `model_unsupported`, `config_invalid`.
 */
export async function chooseAgent(
  wanted: WantedAgent,
  name: string,
  cwd: string,
  env: Environment,
): Promise<ChosenAgent> {
  const { AGENTS } = await import('../agents/registry.ts')
  const agent = AGENTS.find((one) => one.provider === name) ?? refuse(name, AGENTS)
  const role = await roleOf(name, cwd, env)
  const chosen: ChosenAgent = {
    agent,
    model: wanted.model ?? role?.model ?? null,
    effort: wanted.effort ?? role?.effort ?? null,
    command: role?.command ?? null,
    env: agentEnvironment(env, role?.env),
    sandbox: role?.sandbox ?? null,
  }
  checkModel(agent, wanted.model)
  checkEffort(chosen)
  await checkInstalled(chosen)
  return chosen
}

/** Failures after which a run hands the turn to the role's next agent. */
const HANDED_ON = new Set(['quota', 'auth', 'spawn'])

/**
 * Advice after such a failure: the first failover agent that could continue here. null: there is none, or it is another
 * failure.
 */
export function standInHint(reason: string, session: string, role: RoleConfig | null): string | null {
  // An agent with a command of its own cannot be chosen by name.
  const next = role?.failover?.find(({ command }) => command === null)
  if (next === undefined || !HANDED_ON.has(reason)) return null
  const model = next.model === null ? '' : ` --model ${next.model}`
  return `failover is for runs; ${next.provider} can go on here with: --agent ${next.provider}${model} --session ${session}`
}

/** The named agent; otherwise the engine for one of its models, else the configured implementer, else the engine. */
export async function agentName({ agent, model }: WantedAgent, cwd: string, env: Environment): Promise<string> {
  if (agent !== null) return agent
  if (model?.includes('/') === true) {
    const { MODEL_PROVIDER_NAMES } = await import('../engine/index.ts')
    const names = [...MODEL_PROVIDER_NAMES, ...Object.keys((await configFor(cwd, env))?.providers ?? {})]
    if (names.includes(model.slice(0, model.indexOf('/')))) return 'engine'
  }
  return (await rolesFor(cwd, env))[0]?.provider ?? 'engine'
}

/** Throws `budget_unknown_cost` for a money limit that could not be enforced. */
export function checkBudget(budgetUsd: number | null, { agent, model }: Pick<ChosenAgent, 'agent' | 'model'>): void {
  const { usage } = agent.capabilities
  if (budgetUsd === null || usage === 'reported' || (usage === 'tokens' && (model === null || hasPrice(model)))) return
  throw new BelayError(
    'budget_unknown_cost',
    `the cost of ${agent.provider} is unknown, so a budget cannot be enforced`,
    {
      expected: 'an agent that reports its cost, or a model of the price table',
      received: model ?? agent.provider,
      next: 'leave out --budget-usd, and use --timeout or --max-steps',
    },
  )
}

function refuse(name: string, agents: readonly Agent[]): never {
  const names = [...new Set(['engine', ...agents.map((one) => one.provider)])]
  const near = nearest(name, names)
  throw new BelayError('agent_unknown', `there is no agent "${name}"`, {
    expected: names.join(', '),
    received: name,
    next: near === null ? 'belay agents list' : `did you mean ${near}?`,
  })
}

function checkModel({ provider, capabilities }: Agent, model: string | null): void {
  if (model === null || capabilities.model) return
  throw new BelayError('model_unsupported', `${provider} cannot be told which model to use`, {
    expected: `no --model: what ${provider} calls is up to its program`,
    received: model,
    next: 'leave out --model',
  })
}

export function checkEffort({ agent, effort }: Pick<ChosenAgent, 'agent' | 'effort'>): void {
  const { efforts } = agent.capabilities
  if (effort === null || efforts.includes(effort)) return
  throw new BelayError('effort_unknown', `${agent.provider} knows no effort "${effort}"`, {
    expected: efforts.length === 0 ? `no --effort: ${agent.provider} has no such setting` : efforts.join(', '),
    received: effort,
  })
}

async function checkInstalled({ agent, env, command }: ChosenAgent): Promise<void> {
  const probe = await agent.probe(env, command)
  if (!probe.installed) {
    const why = probe.path === null ? 'is not there' : 'does not run'
    throw new BelayError('agent_missing', `${agent.provider} cannot be started: its program ${why}`, {
      expected: 'an installed program',
      received: probe.path ?? command?.[0] ?? `no ${agent.provider} on PATH`,
      next: probe.hint ?? 'belay doctor',
    })
  }
  if (probe.loggedIn !== false) return
  throw new BelayError('agent_not_logged_in', `${agent.provider} is not logged in`, {
    expected: 'a login or an API key',
    ...(probe.hint === null ? {} : { next: probe.hint }),
  })
}
