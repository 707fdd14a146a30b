/** Turns a checked file into the definition that is run: with defaults, agents, and the next state of every state. */
import { parseDuration } from '../core/duration.ts'
import type { KeyPath } from '../config/keys.ts'
import { resolveBudget, resolveRole, type RoleConfig } from '../config/resolve.ts'
import {
  END,
  type CommonState,
  type Definition,
  type Flow,
  type Limited,
  type RetryPolicy,
  type State,
} from './definition.ts'
import { didYouMean, type Issues } from './issues.ts'
import { defaultAgent } from './schema.ts'
import { parseState, type ParsedFile, type ParsedState } from './shape.ts'

const FIRST_BACKOFF_MS = 1000

export interface Resolved {
  readonly definition: Definition
  /** Where each state is in the file. */
  readonly places: ReadonlyMap<State, KeyPath>
  /** Agent states for which the file sets no time limit. */
  readonly unlimited: ReadonlySet<State>
}

type Settings = NonNullable<ParsedFile['agent']>

interface Resolver {
  readonly file: ParsedFile
  readonly root: string
  readonly issues: Issues
  readonly places: Map<State, KeyPath>
  readonly unlimited: Set<State>
  readonly usedAgents: Set<string>
  /** The file as written, which tells values from defaults. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** Programs with a slash are relative to `root`. `name` is the workflow's name unless the file sets one. */
export function resolveWorkflow(
  file: ParsedFile,
  raw: Readonly<Record<string, unknown>>,
  name: string,
  root: string,
  issues: Issues,
): Resolved {
  const resolver: Resolver = {
    file,
    root,
    issues,
    places: new Map(),
    unlimited: new Set(),
    usedAgents: new Set(),
    raw,
  }
  const flow = resolveFlow(resolver, file.states, ['states'], file.start)
  for (const agent of Object.keys(file.agents ?? {})) {
    if (!resolver.usedAgents.has(agent))
      issues.warn('UNUSED_AGENT', ['agents', agent], 'no state names this agent', {
        hint: 'name it in a state as `agent`, or take it out',
      })
  }
  const definition: Definition = {
    name: file.name ?? name,
    version: file.version ?? null,
    description: file.description ?? null,
    workspace: file.workspace ?? null,
    input: plain(file.input) ?? null,
    output: valueOf(raw, 'output'),
    outputSchema: plain(file.output_schema) ?? null,
    concurrency: file.concurrency,
    maxSteps: file.max_steps,
    timeoutMs: file.timeout === undefined ? null : parseDuration(file.timeout),
    budget: resolveBudget(file.budget),
    flow,
  }
  return { definition, places: resolver.places, unlimited: resolver.unlimited }
}

/** Converts YAML values that JSON does not have (such as dates) to JSON. */
function plain<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T)
}

function valueOf(holder: object, key: string): { readonly value: unknown } | null {
  if (!Object.hasOwn(holder, key)) return null
  const value = (holder as Readonly<Record<string, unknown>>)[key]
  return value === undefined ? null : { value: plain(value) }
}

/** `list` must have been checked to be a list of states. */
function resolveFlow(resolver: Resolver, list: unknown, path: KeyPath, start?: string): Flow {
  const parsed = (list as readonly unknown[]).map(parseState)
  const states = parsed.map((one, i) => {
    const state = resolveState(resolver, one, parsed[i + 1]?.id ?? END, [...path, i])
    resolver.places.set(state, [...path, i])
    return state
  })
  return { start: start ?? states[0]?.id ?? END, states }
}

function resolveState(resolver: Resolver, state: ParsedState, following: string, path: KeyPath): State {
  const common: CommonState = {
    id: state.id,
    title: state.title ?? null,
    next: ('next' in state ? state.next : undefined) ?? following,
    result: state.result ?? null,
    output: valueOf(state, 'output'),
  }
  const flow = (list: unknown, ...at: KeyPath): Flow => resolveFlow(resolver, list, [...path, ...at])
  switch (state.type) {
    case 'agent':
      return resolveAgentState(resolver, state, common, path)
    case 'switch':
      return { ...common, type: 'switch', cases: state.cases, fallback: state.default ?? null }
    case 'foreach': {
      const { items, item, max_concurrency: maxConcurrency } = state
      const inner = flow(state.states, 'states')
      return { ...common, ...limits(state), type: 'foreach', items: plain(items), item, maxConcurrency, flow: inner }
    }
    case 'parallel': {
      const branches = Object.entries(state.branches).map(([name, branch]) => ({
        name,
        flow: flow(branch.states, 'branches', name, 'states'),
      }))
      return { ...common, ...limits(state), type: 'parallel', branches }
    }
    case 'human_approval':
      return {
        ...common,
        type: 'human_approval',
        message: state.message,
        input: plain(state.input) ?? null,
        approvers: state.approvers ?? [],
        timeoutMs: state.timeout === undefined ? null : parseDuration(state.timeout),
        onReject: state.on_reject ?? null,
        onTimeout: state.on_timeout ?? null,
      }
    case 'timer':
      return { ...common, type: 'timer', wait: waitOf(resolver, state, path) }
    case 'try': {
      const handlers = (state.catch ?? []).map((handler, i) => ({
        on: handler.on ?? null,
        flow: flow(handler.states, 'catch', i, 'states'),
      }))
      const last = state.finally === undefined ? null : flow(state.finally.states, 'finally', 'states')
      return { ...common, ...limits(state), type: 'try', flow: flow(state.states, 'states'), handlers, finally: last }
    }
    case 'inject':
    case 'transform':
      return { ...common, type: state.type, value: plain(state.value) ?? null }
  }
}

function limits({ timeout, retry }: Pick<Extract<ParsedState, { type: 'foreach' }>, 'timeout' | 'retry'>): Limited {
  return { timeoutMs: timeout === undefined ? null : parseDuration(timeout), retry: retryOf(retry) }
}

function retryOf(retry: Extract<ParsedState, { type: 'agent' }>['retry']): RetryPolicy {
  return {
    maxAttempts: retry?.max_attempts ?? 1,
    backoffMs: (retry?.backoff === undefined ? null : parseDuration(retry.backoff)) ?? FIRST_BACKOFF_MS,
    on: retry?.on ?? null,
  }
}

function waitOf(
  { issues }: Resolver,
  state: Extract<ParsedState, { type: 'timer' }>,
  path: KeyPath,
): { readonly duration: string } | { readonly until: string } {
  if ((state.duration === undefined) === (state.until === undefined)) {
    issues.error('MISSING_KEY', [...path, 'duration'], 'a timer has either a duration or a time', {
      expected: '"duration" or "until"',
      actual: state.duration === undefined ? 'neither' : 'both',
    })
  }
  return state.until === undefined ? { duration: state.duration ?? '' } : { until: state.until }
}

function resolveAgentState(
  resolver: Resolver,
  state: Extract<ParsedState, { type: 'agent' }>,
  common: CommonState,
  path: KeyPath,
): State {
  const { settings, name, limited } = settingsOf(resolver, state.agent, path)
  const role = resolveRole(settings, { root: resolver.root })
  if (settings.definition !== undefined && role.provider !== 'engine') {
    resolver.issues.error('INVALID_VALUE', [...path, 'agent'], 'only the engine has agent definitions', {
      expected: 'provider: engine',
      actual: JSON.stringify(role.provider),
    })
  }
  const timeoutMs = state.timeout === undefined ? role.timeoutMs : (parseDuration(state.timeout) ?? role.timeoutMs)
  const resolved: State = {
    ...common,
    type: 'agent',
    agentName: name,
    role: { ...role, timeoutMs } satisfies RoleConfig,
    agentDefinition: settings.definition ?? null,
    prompt: state.prompt,
    input: plain(state.input) ?? null,
    schema: plain(state.output_schema) ?? null,
    retry: retryOf(state.retry),
  }
  if (state.timeout === undefined && !limited) resolver.unlimited.add(resolved)
  return resolved
}

/** An agent's settings in the file, and whether the file sets a time limit for it. */
function settingsOf(
  { file, raw, issues, usedAgents }: Resolver,
  agent: string | Settings | undefined,
  path: KeyPath,
): { readonly settings: Settings; readonly name: string; readonly limited: boolean } {
  const limited = (value: unknown): boolean => typeof value === 'object' && value !== null && 'timeout' in value
  const fallback = { settings: file.agent ?? defaultAgent(), name: 'agent', limited: limited(raw['agent']) }
  if (agent === undefined) return fallback
  if (typeof agent !== 'string') return { settings: agent, name: "the step's own", limited: true }
  const agents = file.agents ?? {}
  const found = Object.hasOwn(agents, agent) ? agents[agent] : undefined
  if (found !== undefined) {
    usedAgents.add(agent)
    return { settings: found, name: agent, limited: limited((raw['agents'] as Record<string, unknown>)[agent]) }
  }
  const names = Object.keys(agents)
  issues.error('UNKNOWN_AGENT', [...path, 'agent'], `there is no agent "${agent}"`, {
    expected: names.length === 0 ? 'one of `agents` (there are none)' : `one of ${names.join(', ')}`,
    actual: JSON.stringify(agent),
    hint: didYouMean(agent, names),
  })
  return fallback
}
