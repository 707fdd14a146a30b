import { configHome } from '../core/home.ts'
import { BelayError } from '../core/errors.ts'
import type { Access } from '../core/words.ts'
import { hasPrice } from '../agents/prices.ts'
import { createEngineAgent, engineAgent } from '../agents/engine/index.ts'
import type { AgentDefinition, LoopReport, ModelServices } from '../engine/index.ts'
import type { CommandPolicy } from '../policy/index.ts'
import type { Network, Refusal, SandboxRequest } from '../sandbox/index.ts'
import type { Session } from '../sessions/index.ts'
import { checkEffort, type ChosenAgent, type WantedAgent } from './settings.ts'
import type { TurnSetup } from './turn.ts'
import type { ExecLimits } from './turn-meter.ts'

export interface EngineOptions extends WantedAgent {
  /** The user's folder, which determines configuration and definitions. */
  readonly cwd: string
  /** The agent's complete environment. */
  readonly env: Readonly<Record<string, string>>
  readonly access: Access
  readonly limits: ExecLimits
  /** Name of an agent definition; null: none. */
  readonly definition: string | null
  /** A backend's name, or `auto`; null: the definition's, else `auto`. */
  readonly sandbox: string | null
  /** Further requirements for the sandbox. */
  readonly more: Partial<Omit<SandboxRequest, 'access' | 'workspace'>>
  readonly services: ModelServices | undefined
  /** null: the definition's, else the backend's default. */
  readonly network: Network | null
}

/**
 * Checks everything that can be wrong before a session is created or a model is paid: definition, tools, MCP configuration,
 * model and key, sandbox, effort. Throws what is wrong; otherwise returns the limits, including the definition's.
 */
export async function checkEngine(options: EngineOptions): Promise<ExecLimits> {
  const definition = await checkSettings(options)
  const { limits } = options
  return { ...limits, timeoutMs: limits.timeoutMs ?? definition?.settings.timeout ?? null }
}

async function checkSettings(options: EngineOptions): Promise<AgentDefinition | null> {
  checkEffort({ agent: engineAgent, effort: options.effort })
  const early = trySandbox(options)
  const { definedSandbox, loadAgentDefinition, placesFor, resolveModel } = await import('../engine/index.ts')
  const { cwd, env, definition: name } = options
  const places = placesFor(cwd, configHome(env))
  const definition = name === null ? null : await loadAgentDefinition(name, places)
  const { commandHooks, createTools, loadMcpServers } = await import('../engine/tools/index.ts')
  const { tools, hooks } = definition?.settings ?? {}
  if (tools || hooks) commandHooks(hooks, createTools(tools ? { allow: tools } : {}))
  await loadMcpServers(places, env)
  const model = await resolveModel(options.model ?? definition?.settings.model ?? null, env, null, options.services)
  if (options.limits.budgetUsd !== null && !model.priced && !hasPrice(model.model.id)) throw unknownCost(model.title)
  const sandbox = options.sandbox ?? definition?.settings.sandbox ?? 'auto'
  const { access, network } = options
  const more = {
    ...(definition === null ? {} : definedSandbox(definition.settings)),
    ...options.more,
    ...(network === null ? {} : { network }),
  }
  const isPlain = Object.keys(more).length === 0
  if (sandbox === 'auto' && isPlain) return definition
  const { findBackend, openSandbox, refusalError } = await import('../sandbox/index.ts')
  const backend = findBackend(sandbox === 'auto' ? 'os' : sandbox)
  const refusal = await (early ?? backend.probe())
  if (refusal !== null && sandbox !== 'auto') throw refusalError(backend.name, refusal)
  if (isPlain) return definition
  // The sandbox may not be able to enforce requirements beyond its defaults.
  const request = { ...more, access, workspace: cwd }
  const opened = await openSandbox(refusal === null ? backend.name : 'host', request, new AbortController().signal)
  await opened.sandbox.close()
  return definition
}

function unknownCost(model: string): BelayError {
  return new BelayError('budget_unknown_cost', `the cost of ${model} is unknown, so a budget cannot be enforced`, {
    expected: 'a model of the catalog or of the price table, or `price` for it in `providers` of the configuration',
    received: model,
    next: 'leave out --budget-usd, and use --timeout or --max-steps',
  })
}

/** Starts to probe the requested sandbox, which takes as long as loading the engine. null: the sandbox is not known yet. */
function trySandbox({ sandbox, definition }: EngineOptions): Promise<Refusal | null> | null {
  if (sandbox === null && definition !== null) return null
  const tried = import('../sandbox/index.ts').then(({ findBackend }) =>
    findBackend(sandbox === null || sandbox === 'auto' ? 'os' : sandbox).probe(),
  )
  // The error is handled where the result is awaited; something else may fail before.
  tried.catch(() => {})
  return tried
}

/** Belay's own agent on a session, whose history is the agent's conversation. */
export async function engineSetup(
  options: EngineOptions,
  session: Session,
  policy: CommandPolicy,
): Promise<ChosenAgent & Pick<TurnSetup, 'ownsHistory' | 'finish' | 'spawn' | 'hint' | 'services'>> {
  const { env, limits, definition, sandbox, network, more } = options
  let last: LoopReport | null = null
  const agent = createEngineAgent({
    async openSandbox(name, request, signal) {
      const { openSandbox, withMore } = await import('../sandbox/index.ts')
      const wanted = withMore(request, network === null ? more : { ...more, network })
      return openSandbox(name, wanted, signal)
    },
    policy: () => Promise.resolve(policy),
    async openHistory() {
      return { id: session.id, history: session.history, store: await session.store(), close: () => Promise.resolve() }
    },
    settings: () => ({
      definition,
      sandbox,
      maxSteps: limits.maxSteps,
      timeoutMs: limits.timeoutMs,
      budgetUsd: limits.budgetUsd,
    }),
    userFolder: configHome,
    onReport: (report) => {
      last = report
    },
  })
  return {
    agent,
    model: options.model,
    effort: options.effort,
    command: null,
    env,
    spawn: null,
    sandbox: null,
    ownsHistory: true,
    hint: () => null,
    services: options.services,
    finish: () =>
      last === null
        ? null
        : { reason: last.finish.reason, message: last.finish.message, steps: last.steps, denied: last.refused },
  }
}
