import type { TaskRow } from '../../record/index.ts'

/** The batch program's own state of a file. */
export interface BatchState {
  /** Digest of the content that the latest turn was given; null before the first. */
  readonly digest: string | null
  /** A checked answer that is not in the results yet. */
  readonly answer: { readonly output: unknown } | null
  /** Why the latest attempt failed, for the next prompt. */
  readonly setback: string | null
  /** What people said (`unblock --note`). */
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

/** The program's state of a task; what an older version did not store yet has its first value. */
export function stateOf(task: Pick<TaskRow, 'state'>): BatchState {
  return { ...START, ...(task.state as Partial<BatchState>) }
}

/** `state` with changes, as it is stored. */
export function withState(state: BatchState, change: Partial<BatchState>): Readonly<Record<string, unknown>> {
  return { ...state, ...change }
}
