import type { TaskRow } from '../../record/index.ts'

/** The batch program's state of one file. */
export interface BatchState {
  /** Digest of the content given to the latest turn; null before the first turn. */
  readonly digest: string | null
  /** A checked answer that is not yet in the results file. */
  readonly answer: { readonly output: unknown } | null
  /** Why the latest attempt failed; goes into the next prompt. */
  readonly setback: string | null
  /** Notes from people (`unblock --note`). */
  readonly notes: readonly string[]
  readonly faults: number
  readonly faultingSince: string | null
}

export const START: BatchState = {
  digest: null,
  answer: null,
  setback: null,
  notes: [],
  faults: 0,
  faultingSince: null,
}

/** The program's state of a task. Fields that an older version did not store get their initial value. */
export function stateOf(task: Pick<TaskRow, 'state'>): BatchState {
  return { ...START, ...(task.state as Partial<BatchState>) }
}

/** `state` with `change` applied, in the form in which it is stored. */
export function withState(state: BatchState, change: Partial<BatchState>): Readonly<Record<string, unknown>> {
  return { ...state, ...change }
}
