import type { HostIdentity, ProcessIdentity } from '../../process/index.ts'
import type { Reason } from '../../core/words.ts'

/**
 * What is recorded before a checkout is fast-forwarded, as plain JSON. It stays until the checkout is complete, so that after a
 * crash the next process knows whose lock is there and between which two commits the files are.
 */
export interface FollowIntent {
  /** Content of the index lock if it is ours; see lock.ts. */
  readonly token: string
  readonly holder: HostIdentity & ProcessIdentity
  /** Top folder of the checkout, and the folder with its HEAD and index. */
  readonly root: string
  readonly gitDir: string
  /** Full name of the target branch. */
  readonly ref: string
  readonly from: string
  readonly to: string
}

/** Storage for the intent: one per repository and target branch, whose lease is held. Durable when `write` resolves. */
export interface FollowIntents {
  read(): Promise<FollowIntent | null>
  write(intent: FollowIntent): Promise<void>
  clear(): Promise<void>
}

export interface FollowRequest {
  readonly repository: { readonly root: string; readonly commonDir: string }
  /** Short name of the target branch; null: HEAD was detached when the run began. */
  readonly target: string | null
  /** The commit of the target as last seen: the run's base, or where the target was last moved to. */
  readonly from: string
  /** Tip of the result branch, to which the target moves. */
  readonly to: string
  /** Create the target if it does not exist, because it did not exist either when the user named it at the start. */
  readonly create?: boolean
  /** Short name of the result branch, for `finishCommand`. */
  readonly resultBranch: string
  readonly intents: FollowIntents
  /** Called after every step, so that tests can kill the process there. */
  readonly onStep?: (step: string) => void
  /** How long another git process may hold a lock before this gives up, in milliseconds (default 2000). */
  readonly patienceMs?: number
}

/** `finishCommand` works in a POSIX shell from any folder; null: there is nothing that the user can do. */
export type Followed =
  | { readonly landed: true }
  | { readonly landed: false; readonly reason: Reason; readonly finishCommand: string | null }
