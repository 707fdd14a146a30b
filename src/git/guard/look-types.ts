import type { Move } from './evidence.ts'
import type { Place } from './observe.ts'
import type { Finding, SharedState, Turn } from './state.ts'

/** Whether Belay itself made this move, according to its records. Called for every ref that differs from the trusted state. */
export type IsOurs = (move: Move) => boolean | Promise<boolean>

export interface Look {
  readonly place: Place
  /** A folder of Belay's, outside the repository, shared by all processes that work in it. */
  readonly folder: string
  readonly trusted: SharedState
  /** Turns in which an agent may have acted since `trusted` was recorded. */
  readonly turns: readonly Turn[]
  readonly isOurs: IsOurs
  /** Paths of Belay's own worktrees, of all runs. */
  ownWorktrees(): Promise<readonly string[]>
  /** Name of this comparison in the refs that keep what it undoes. */
  readonly name: string
  /** Changes after this time (ms) cannot be an agent's, because it was dead; null: an agent may have acted until now. */
  readonly until: number | null
}

/** A finding, and the mark of the agent that caused it; null: nothing tells which. */
export interface Found {
  readonly finding: Finding
  readonly mark: string | null
}
