import type { TaskRow } from '../../record/index.ts'

/** The result of a step. `tip`: the commit with all work up to here; null: there is no repository. */
export type StepResult =
  | { readonly kind: 'output'; readonly output: unknown; readonly next: string; readonly tip: string | null }
  /** The step failed, and a state around it handles the failure. */
  | { readonly kind: 'failed'; readonly error: StepFailure; readonly tip: string | null }

export interface StepFailure {
  readonly code: string
  readonly message: string
  /** Handle of the step that failed first. */
  readonly step: string
}

/** The workflow program's state of one step. */
export interface StepState {
  /** The state's own `input`, with its references filled in. */
  readonly input: unknown
  /** The items of a `foreach`. */
  readonly items: readonly unknown[] | null
  /** For a step with steps inside: how many tries have failed. */
  readonly tries: number
  /** When the current try of such a step is given up (ISO 8601); null: never. */
  readonly until: string | null
  /** The commit at which the step begins; null: there is no repository. */
  readonly base: string | null
  readonly result: StepResult | null
  /** Files that an agent changed. */
  readonly files: readonly string[]
  /** Why the latest try failed; goes into the next prompt. */
  readonly setback: string | null
  /** Notes from people (`unblock --note`). */
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

/** The program's state of a step. Fields that an older version did not store get their initial value. */
export function stateOf(task: Pick<TaskRow, 'state'>): StepState {
  return { ...START, ...(task.state as Partial<StepState>) }
}

/** `state` with `change` applied, in the form in which it is stored. */
export function withState(state: StepState, change: Partial<StepState>): Readonly<Record<string, unknown>> {
  return { ...state, ...change }
}
