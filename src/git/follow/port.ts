import type { HostIdentity, ProcessIdentity } from '../../process/index.ts'
import type { Reason } from '../../core/words.ts'

/**
 * What is recorded before a checkout is fast-forwarded. Plain JSON. It stays until the checkout is done, so that whoever
 * comes after a crash knows whose lock stands there and between which two commits the files are.
 */
export interface FollowIntent {
  /** Content of the index lock that is ours; see lock.ts. */
  readonly token: string
  readonly holder: HostIdentity & ProcessIdentity
  /** Top of the checkout, and where its HEAD and index are. */
  readonly root: string
  readonly gitDir: string
  /** Full name of the target branch. */
  readonly ref: string
  readonly from: string
  readonly to: string
}

/** Where the intent is kept: durable when `write` has resolved. One per (repository, target); the target's lease is held. */
export interface FollowIntents {
  read(): Promise<FollowIntent | null>
  write(intent: FollowIntent): Promise<void>
  clear(): Promise<void>
}

export interface FollowRequest {
  readonly repository: { readonly root: string; readonly commonDir: string }
  /** Short name of the target branch; null when HEAD was detached at the start. */
  readonly target: string | null
  /** The commit that the target had when it was last looked at (the run's base, or what it last followed to). */
  readonly from: string
  /** Tip of the result branch. */
  readonly to: string
  /** Make the target when it is not there: the user named a branch that was not there at the start either. */
  readonly create?: boolean
  /** Short name of the result branch, for the command that the user is given. */
  readonly resultBranch: string
  readonly intents: FollowIntents
  /** Told of every step that is done; a place for tests to end the process. */
  readonly onStep?: (step: string) => void
  /** How long another git process may hold a lock before this gives up (default 2 s). */
  readonly patienceMs?: number
}

/** `finishCommand` is for a POSIX shell, from any folder; null when there is nothing that the user could do. */
export type Followed =
  | { readonly landed: true }
  | { readonly landed: false; readonly reason: Reason; readonly finishCommand: string | null }
