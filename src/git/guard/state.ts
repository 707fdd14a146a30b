import type { HostIdentity, ProcessIdentity } from '../../process/index.ts'

/** A guarded file as it is: content (base64) and mode, or where a link leads. */
export type FileState =
  | { readonly kind: 'file'; readonly mode: number; readonly data: string }
  | { readonly kind: 'link'; readonly to: string }

/** What is compared before and after a turn, of the repository that all workspaces and the user share. Plain JSON. */
export interface SharedState {
  /** Guarded files by absolute path; what is absent is not in it. */
  readonly files: Readonly<Record<string, FileState>>
  /** Folders of linked worktrees that are whole, and which they are: only those that stayed are compared. */
  readonly worktrees: Readonly<Record<string, string>>
  /** Refs by full name: an object id, or `ref: ` and a name. */
  readonly refs: Readonly<Record<string, string>>
  /** HEAD of the user's checkout as its file says. */
  readonly head: string | null
  /** Hash of the index file of the user's checkout. */
  readonly index: string | null
  /** Sizes of the HEAD logs of the user's checkouts, to read on from. */
  readonly headLogs: Readonly<Record<string, number>>
  /** Size and time of the user's FETCH_HEAD. */
  readonly fetched: string
  /** Content of the stash's log. */
  readonly stashLog: string | null
  /** What the user's checkout has uncommitted: status line and file times, by path. */
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

/** One thing that is not as it was. */
export interface Finding {
  readonly kind: FindingKind
  /** A ref's full name, or a path. */
  readonly subject: string
  /** A sentence for the user. */
  readonly message: string
  /** Fails the attempt. */
  readonly fails: boolean
  /** It is as before again. */
  readonly undone: boolean
  /** Ref under refs/belay/rescued/ that keeps what was there, when something was undone. */
  readonly rescued: string | null
}

/** An agent's own checkout. */
export interface GuardedWorkspace {
  readonly path: string
  readonly gitDir: string
}

/** What ties an agent's checkout to the repository. */
export interface WorkspaceState extends GuardedWorkspace {
  /** The `.git` file. */
  readonly pointer: FileState | null
  readonly files: Readonly<Record<string, FileState>>
  readonly head: FileState | null
  /** Signs of a merge, rebase or the like. */
  readonly unfinished: readonly string[]
}

/** A turn that is running. */
export interface Turn {
  readonly id: string
  readonly owner: HostIdentity & ProcessIdentity
  readonly allowedRefs: readonly string[]
  readonly mark: string | null
  readonly workspaces: readonly WorkspaceState[]
  /** Found by other turns' looks meanwhile, and not told yet. */
  readonly findings: readonly Finding[]
}
