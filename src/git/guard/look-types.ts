import type { Move } from './evidence.ts'
import type { Place } from './observe.ts'
import type { Finding, SharedState, Turn } from './state.ts'

/** Whether Belay itself made this move (its record knows), asked for every ref that is not as trusted. */
export type IsOurs = (move: Move) => boolean | Promise<boolean>

export interface Look {
  readonly place: Place
  /** Folder of Belay's, outside the repository, where the processes that work in it meet. */
  readonly folder: string
  readonly trusted: SharedState
  /** Turns in which an agent may have acted since `trusted`. */
  readonly turns: readonly Turn[]
  readonly isOurs: IsOurs
  /** Paths of Belay's own worktrees, of all runs. */
  ownWorktrees(): Promise<readonly string[]>
  /** Name of this look in the refs that keep what it undoes. */
  readonly name: string
  /** Changes after this time (ms) cannot be an agent's: it was dead. null: it may have acted until now. */
  readonly until: number | null
}

/** Something found, and whose mark it carries; null when nothing tells. */
export interface Found {
  readonly finding: Finding
  readonly mark: string | null
}
