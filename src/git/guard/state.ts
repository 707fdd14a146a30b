import type { HostIdentity, ProcessIdentity } from '../../process/index.ts'

/** The state of a guarded file: content (base64) and mode, or a link's target. Large files are only recognised, not kept. */
export type FileState =
  | { readonly kind: 'file'; readonly mode: number; readonly data: string }
  | { readonly kind: 'link'; readonly to: string }
  | LargeState

/** A file that is too large to be kept. */
export interface LargeState {
  readonly kind: 'large'
  readonly mode: number
  /** Bytes. */
  readonly size: number
  /** Hash of the content, or for the largest files their time of change. */
  readonly content: string
}

/** The state that is compared before and after a turn, of the repository that all workspaces and the user share. Plain JSON. */
export interface SharedState {
  /** Guarded files by absolute path; missing files have no entry. */
  readonly files: Readonly<Record<string, FileState>>
  /** Complete linked worktrees by name, with the identity of their folder; only those that persisted are compared. */
  readonly worktrees: Readonly<Record<string, string>>
  /** Refs by full name: an object id, or `ref: NAME`. */
  readonly refs: Readonly<Record<string, string>>
  /** Content of the HEAD file of the user's checkout. */
  readonly head: string | null
  /** Hash of the index file of the user's checkout. */
  readonly index: string | null
  /** Sizes of the HEAD logs of the user's checkouts; new entries are read from there. */
  readonly headLogs: Readonly<Record<string, number>>
  /** Size and time of the user's FETCH_HEAD; empty: there is none. */
  readonly fetched: string
  /** Content of the stash's log; null: there is none. */
  readonly stashLog: string | null
  /** Uncommitted files in the user's checkout: status line, size and time, by path. */
  readonly uncommitted: Readonly<Record<string, string>>
}

export type FindingKind =
  | 'config'
  | 'hook'
  | 'attributes'
  | 'ref'
  | 'head'
  | 'workspace'
  | 'worktree'
  | 'checkout'
  | 'other'

/** One difference from the trusted state. */
export interface Finding {
  readonly kind: FindingKind
  /** A ref's full name, or a path. */
  readonly subject: string
  /** A sentence for the user. */
  readonly message: string
  /** Whether it fails the attempt. */
  readonly fails: boolean
  /** Whether the earlier state was restored. */
  readonly undone: boolean
  /** Ref under refs/belay/rescued/ that keeps the undone state; null: there is none. */
  readonly rescued: string | null
}

/** An agent's own checkout. */
export interface GuardedWorkspace {
  readonly path: string
  readonly gitDir: string
}

/** The files that tie an agent's checkout to the repository. */
export interface WorkspaceState extends GuardedWorkspace {
  /** The `.git` file. */
  readonly pointer: FileState | null
  readonly files: Readonly<Record<string, FileState>>
  readonly head: FileState | null
  /** Names of files that git leaves during a merge, rebase or the like. */
  readonly unfinished: readonly string[]
}

/** A running turn. */
export interface Turn {
  readonly id: string
  readonly owner: HostIdentity & ProcessIdentity
  readonly allowedRefs: readonly string[]
  readonly mark: string | null
  readonly workspaces: readonly WorkspaceState[]
  /** Findings of other turns' comparisons that this turn has not reported yet. */
  readonly findings: readonly Finding[]
}
