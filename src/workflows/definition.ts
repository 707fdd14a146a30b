/** A workflow as it is run: plain data, stored with the run. */
import type { Config, RoleConfig } from '../config/index.ts'
import type { JsonSchema } from '../agents/port.ts'

/** Transition target that leaves the list of states that a state is in. */
export const END = 'end'

/** Where agents work: `directory` is one folder per run. */
export const WORKSPACES = ['repository', 'directory', 'directory-per-step', 'shared-directory'] as const
export type WorkspaceKind = (typeof WORKSPACES)[number]

export interface Definition {
  readonly name: string
  readonly version: string | null
  readonly description: string | null
  /** null: the repository if there is one, else a folder. */
  readonly workspace: WorkspaceKind | null
  readonly input: JsonSchema | null
  /** An object, so that null can be an output; null: no output is defined. */
  readonly output: { readonly value: unknown } | null
  readonly outputSchema: JsonSchema | null
  readonly concurrency: number
  readonly maxSteps: number
  /** For the whole run. Absent in runs that an older version stored. */
  readonly timeoutMs?: number | null
  readonly budget: Config['budget']
  readonly flow: Flow
}

/** States that run one after the other, following their transitions. */
export interface Flow {
  readonly start: string
  readonly states: readonly State[]
}

export interface CommonState {
  readonly id: string
  readonly title: string | null
  /** The state that follows, or `end`. */
  readonly next: string
  readonly result: string | null
  readonly output: { readonly value: unknown } | null
}

export interface RetryPolicy {
  readonly maxAttempts: number
  readonly backoffMs: number
  /** null: every failure. */
  readonly on: readonly string[] | null
}

export interface AgentState extends CommonState {
  readonly type: 'agent'
  /** The agent's name for people: a name from `agents`, `agent`, or "the step's own". */
  readonly agentName: string
  readonly role: RoleConfig
  /** For Belay's own engine: the name of an agent definition. */
  readonly agentDefinition: string | null
  readonly prompt: string
  readonly input: Readonly<Record<string, unknown>> | null
  readonly schema: JsonSchema | null
  readonly retry: RetryPolicy
}

export interface SwitchState extends CommonState {
  readonly type: 'switch'
  readonly cases: readonly { readonly when: string; readonly next: string }[]
  readonly fallback: string | null
}

/** Limits of a state with states inside. Absent in runs that an older version stored. */
export interface Limited {
  readonly timeoutMs?: number | null
  readonly retry?: RetryPolicy
}

export interface ForeachState extends CommonState, Limited {
  readonly type: 'foreach'
  readonly items: unknown
  readonly item: string
  readonly maxConcurrency: number
  readonly flow: Flow
}

export interface ParallelState extends CommonState, Limited {
  readonly type: 'parallel'
  readonly branches: readonly { readonly name: string; readonly flow: Flow }[]
}

export interface ApprovalState extends CommonState {
  readonly type: 'human_approval'
  readonly message: string
  readonly input: Readonly<Record<string, unknown>> | null
  /** Empty: anybody. */
  readonly approvers: readonly string[]
  readonly timeoutMs: number | null
  readonly onReject: string | null
  readonly onTimeout: string | null
}

export interface TimerState extends CommonState {
  readonly type: 'timer'
  readonly wait: { readonly duration: string } | { readonly until: string }
}

export interface TryState extends CommonState, Limited {
  readonly type: 'try'
  readonly flow: Flow
  readonly handlers: readonly { readonly on: readonly string[] | null; readonly flow: Flow }[]
  readonly finally: Flow | null
}

export interface ValueState extends CommonState {
  readonly type: 'inject' | 'transform'
  readonly value: unknown
}

export type State =
  | AgentState
  | SwitchState
  | ForeachState
  | ParallelState
  | ApprovalState
  | TimerState
  | TryState
  | ValueState

/** A state with other states inside. */
export type Composite = ForeachState | ParallelState | TryState

export function isComposite(state: State): state is Composite {
  return state.type === 'foreach' || state.type === 'parallel' || state.type === 'try'
}

/** Whether a failure with this code is retried after `tries` tries. */
export function isRetried({ retry }: Limited, tries: number, code: string): boolean {
  return retry !== undefined && tries < retry.maxAttempts && (retry.on === null || retry.on.includes(code))
}

/** The pause after `tries` tries, in ms: doubles with each try, at most an hour. */
export function backoffOf({ backoffMs }: RetryPolicy, tries: number): number {
  return Math.min(backoffMs * 2 ** Math.min(tries - 1, 20), LONGEST_BACKOFF_MS)
}

const LONGEST_BACKOFF_MS = 3_600_000

/** The lists of states inside a state, each with its part of a step's handle. */
export function flowsOf(state: State): readonly { readonly name: string; readonly flow: Flow }[] {
  switch (state.type) {
    case 'foreach':
      return [{ name: '*', flow: state.flow }]
    case 'parallel':
      return state.branches
    case 'try':
      return [
        { name: 'try', flow: state.flow },
        ...state.handlers.map(({ flow }, i) => ({ name: `catch${i === 0 ? '' : i + 1}`, flow })),
        ...(state.finally === null ? [] : [{ name: 'finally', flow: state.finally }]),
      ]
    case 'agent':
    case 'switch':
    case 'human_approval':
    case 'timer':
    case 'inject':
    case 'transform':
      return []
  }
}

/** Every state of a flow, including those inside of others. */
export function allStates(flow: Flow): State[] {
  return flow.states.flatMap((state) => [state, ...flowsOf(state).flatMap((inner) => allStates(inner.flow))])
}

/** The targets of a state's transitions, without duplicates. */
export function targetsOf(state: State): string[] {
  const targets =
    state.type === 'switch'
      ? [...state.cases.map((one) => one.next), ...(state.fallback === null ? [] : [state.fallback])]
      : state.type === 'human_approval'
        ? [state.next, state.onReject, state.onTimeout].filter((one) => one !== null)
        : [state.next]
  return [...new Set(targets)]
}

/** The least number of steps that a list of states takes if nothing in it fails. */
export function leastSteps(flow: Flow): number {
  const toEnd = new Map([[END, 0]])
  // The shortest way from each state to the end; one round per state is enough.
  for (const _ of flow.states) {
    for (const state of flow.states) {
      const rest = Math.min(...targetsOf(state).map((target) => toEnd.get(target) ?? Infinity))
      toEnd.set(state.id, leastOf(state) + rest)
    }
  }
  return toEnd.get(flow.start) ?? 0
}

function leastOf(state: State): number {
  switch (state.type) {
    case 'parallel':
      return 1 + state.branches.reduce((sum, { flow }) => sum + leastSteps(flow), 0)
    case 'try':
      return 2 // its body may fail at the first step
    default:
      return 1
  }
}
