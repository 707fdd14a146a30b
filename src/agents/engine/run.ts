import { iso, systemClock } from '../../core/clock.ts'
import type { Access, Usage } from '../../core/words.ts'
import {
  answerForm,
  DEFAULT_LIMITS,
  DEFAULT_RETRY,
  definedSandbox,
  loadAgentDefinition,
  loadMemory,
  loadSkills,
  MODEL_VARIABLES,
  modelCaller,
  placesFor,
  resolveModel,
  runLoop,
  systemPrompt,
  type AgentDefinition,
  type Asker,
  type LoopEvent,
  type LoopOptions,
  type Memory,
  type Places,
  type Skills,
} from '../../engine/index.ts'
import type { Tool, ToolContext } from '../../engine/port.ts'
import { sandboxRemarks, type Opened, type SandboxRequest } from '../../sandbox/index.ts'
import type { Approver, TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import { gateEnvironment } from '../environment.ts'
import { estimateCost } from '../prices.ts'
import { NO_SETTINGS, type EngineDeps, type EngineHistory, type EngineSettings } from './deps.ts'
import { turnEnd } from './end.ts'
import { approvalRequest, turnEvents } from './events.ts'
import { openTools, type TurnTools } from './tools.ts'

const STRICTNESS: readonly Access[] = ['read-only', 'workspace-write', 'full']

/**
 * Takes one turn of the engine. Rejects with a BelayError if something it needs cannot be prepared, before any model call. If
 * the turn is aborted and its tools do not end within the grace, their sandbox is closed.
 */
export async function runEngine(
  deps: EngineDeps,
  request: TurnRequest,
  emit: (event: TurnEvent) => void,
): Promise<TurnEnd> {
  const settings: EngineSettings = { ...NO_SETTINGS, ...deps.settings?.(request) }
  const places = placesFor(request.cwd, deps.userFolder?.(request.env) ?? null)
  const definition = settings.definition === null ? null : await loadAgentDefinition(settings.definition, places)
  const model = await resolveModel(
    request.model ?? definition?.settings.model ?? null,
    request.env,
    settings.contextWindow ?? definition?.settings.context_window ?? null,
    request.services,
  )
  const access = strictest(request.access, definition?.settings.access)
  const conversation = await deps.openHistory(request)
  try {
    emit({ type: 'session', native: conversation.id, model: model.title, version: null })
    const [memory, skills] = await Promise.all([loadMemory(places), loadSkills(places)])
    const opened = await deps.openSandbox(
      settings.sandbox ?? definition?.settings.sandbox ?? 'auto',
      sandboxRequest(request, access, definition, skills),
      request.signal,
    )
    const onEvent = (event: LoopEvent): void => {
      deps.onEvent?.(event, request)
      for (const one of turnEvents(event)) emit(one)
    }
    let own: TurnTools | null = null
    try {
      const context: ToolContext = {
        sandbox: opened.sandbox,
        workspace: request.cwd,
        readable: skills.skills.map(({ folder }) => folder),
        env: commandEnvironment(request),
        policy: await deps.policy(request),
        store: conversation.store,
        mark: request.mark,
        signal: request.signal,
      }
      own = await openTools(deps, definition, skills, places, context)
      const { tools, hooks, problems } = own
      for (const message of [
        ...(opened.warning === null ? [] : [opened.warning]),
        ...memory.problems,
        ...skills.problems,
        ...problems,
      ])
        onEvent({ type: 'warning', code: 'setup', message })
      const caller = deps.callerFor ?? modelCaller
      const running = runLoop({
        ...(await shared(deps, request, settings, definition, conversation)),
        hooks: [...(deps.hooks ?? []), ...hooks],
        outputForm: request.outputSchema === null ? null : answerForm(model, request.outputSchema),
        model: {
          title: model.title,
          call: caller(model),
          contextWindow: model.model.contextWindow,
          maxAnswer: model.model.maxTokens,
          priced: model.priced,
        },
        system: prompt({ request, access, definition, tools, memory, skills, opened, places }),
        tools,
        refreshTools: own.refresh,
        context,
        emit: onEvent,
      })
      const report = await withinGrace(running, request, () => opened.sandbox.close())
      if (report === null) return { status: 'interrupted' }
      deps.onReport?.(report, request)
      return turnEnd(report)
    } finally {
      await own?.close()
      await opened.sandbox.close()
      for (const message of sandboxRemarks(opened.sandbox)) onEvent({ type: 'warning', code: 'setup', message })
    }
  } finally {
    await conversation.close()
  }
}

type Shared = Omit<
  LoopOptions,
  'model' | 'outputForm' | 'system' | 'tools' | 'refreshTools' | 'hooks' | 'context' | 'emit'
>

async function shared(
  deps: EngineDeps,
  request: TurnRequest,
  settings: EngineSettings,
  definition: AgentDefinition | null,
  { id, history }: EngineHistory,
): Promise<Shared> {
  const own = definition?.settings
  return {
    effort: (request.effort ?? own?.effort ?? null) as LoopOptions['effort'],
    task: request.prompt,
    outputCheck:
      request.outputSchema === null
        ? null
        : (await import('../answers/json-schema.ts')).compileSchema(request.outputSchema),
    history,
    session: id,
    asker: request.approve === null ? null : askerOf(request.approve),
    steer: request.steer,
    limits: {
      maxSteps: settings.maxSteps ?? own?.max_steps ?? DEFAULT_LIMITS.maxSteps,
      timeoutMs: settings.timeoutMs ?? own?.timeout ?? DEFAULT_LIMITS.timeoutMs,
      budgetUsd: settings.budgetUsd ?? own?.budget_usd ?? DEFAULT_LIMITS.budgetUsd,
      budgetTokens: settings.budgetTokens ?? own?.budget_tokens ?? DEFAULT_LIMITS.budgetTokens,
    },
    retry: deps.retry ?? DEFAULT_RETRY,
    costOf: (name: string, usage: Usage) => estimateCost(name, usage),
    clock: deps.clock ?? systemClock,
    signal: request.signal,
  }
}

/** A definition may be stricter than the caller, never more permissive. */
function strictest(asked: Access, defined: Access | undefined): Access {
  if (defined === undefined) return asked
  return STRICTNESS.indexOf(defined) < STRICTNESS.indexOf(asked) ? defined : asked
}

function sandboxRequest(
  request: TurnRequest,
  access: Access,
  definition: AgentDefinition | null,
  skills: Skills,
): SandboxRequest {
  return {
    access,
    workspace: request.cwd,
    read: skills.skills.map(({ folder }) => folder),
    ...(definition === null ? {} : definedSandbox(definition.settings)),
  }
}

/**
 * Commands get neither keys nor addresses of model services: their output goes to the model, and their author is not trusted.
 */
function commandEnvironment({ env, services }: TurnRequest): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(gateEnvironment(env, services)).filter(([name]) => !MODEL_VARIABLES.has(name)),
  )
}

function askerOf(approve: Approver): Asker {
  return (ask, signal) => approve(approvalRequest(ask), signal)
}

interface PromptFrom {
  readonly request: TurnRequest
  readonly access: Access
  readonly definition: AgentDefinition | null
  readonly tools: readonly Tool[]
  readonly memory: Memory
  readonly skills: Skills
  readonly opened: Opened
  readonly places: Places
}

function prompt({ request, access, definition, tools, memory, skills, opened }: PromptFrom): string {
  return systemPrompt({
    instructions: definition?.instructions ?? null,
    workspace: request.cwd,
    access,
    sandbox: opened.sandbox.confined ? `a sandbox (${opened.sandbox.backend})` : 'no sandbox',
    tools,
    memory: memory.files,
    skills: skills.skills,
    outputSchema: request.outputSchema,
    platform: process.platform,
    today: iso(Date.now()).slice(0, 10),
  })
}

/**
 * Resolves to the result of `running`. null: after an abort, it ended neither within the grace nor once its sandbox was closed.
 */
async function withinGrace<T>(running: Promise<T>, request: TurnRequest, kill: () => Promise<void>): Promise<T | null> {
  const over = Promise.withResolvers<null>()
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    timer = setTimeout(() => {
      void kill().then(
        () => (timer = setTimeout(() => over.resolve(null), 500)),
        () => over.resolve(null),
      )
    }, request.graceMs)
  }
  if (request.signal.aborted) onAbort()
  request.signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([running, over.promise])
  } finally {
    clearTimeout(timer)
    request.signal.removeEventListener('abort', onAbort)
  }
}
