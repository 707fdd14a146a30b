import type { TaskRow } from '../../record/index.ts'

/** What a step came to. `tip`: the commit that holds the work up to here; null where there is no repository. */
export type StepResult =
  | { readonly kind: 'output'; readonly output: unknown; readonly next: string; readonly tip: string | null }
  /** It failed, and a `try` around it takes it from there. */
  | { readonly kind: 'failed'; readonly error: StepFailure; readonly tip: string | null }

export interface StepFailure {
  readonly code: string
  readonly message: string
  /** Handle of the step that failed first. */
  readonly step: string
}

/** The workflow program's own state of a step. */
export interface StepState {
  /** The state's own input, references replaced. */
  readonly input: unknown
  /** What a `foreach` goes over. */
  readonly items: readonly unknown[] | null
  /** Of a step with steps inside: how often it was tried and failed. */
  readonly tries: number
  /** When the present try of it is given up (ISO 8601); null: never. */
  readonly until: string | null
  /** The commit that the step begins at; null where there is no repository. */
  readonly base: string | null
  readonly result: StepResult | null
  /** Files that an agent changed. */
  readonly files: readonly string[]
  /** Why the latest try failed, for the next prompt. */
  readonly setback: string | null
  /** What people said (`unblock --note`). */
  readonly notes: readonly string[]
  readonly faults: number
  readonly faultingSince: string | null
}

export const START: StepState = {
  input: null,
  items: null,
  tries: 0,
  until: null,
  base: null,
  result: null,
  files: [],
  setback: null,
  notes: [],
  faults: 0,
  faultingSince: null,
}

/** The program's state of a step; what an older version did not store yet has its first value. */
export function stateOf(task: Pick<TaskRow, 'state'>): StepState {
  return { ...START, ...(task.state as Partial<StepState>) }
}

/** `state` with changes, as it is stored. */
export function withState(state: StepState, change: Partial<StepState>): Readonly<Record<string, unknown>> {
  return { ...state, ...change }
}
