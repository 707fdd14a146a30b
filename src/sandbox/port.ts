/**
 * The sandbox port: how processes are confined. One conformance suite (testing/conformance.ts) and one escape suite run against
 * every backend. A policy that a backend cannot enforce is refused when the sandbox is opened; it is never ignored.
 */
import type { Access } from '../core/words.ts'
import type { KeptProcess, ProcessSpec } from '../process/index.ts'

export const BACKENDS = ['host', 'os', 'docker', 'e2b'] as const
export type BackendName = (typeof BACKENDS)[number]

/** Limits for everything in the sandbox; null: no limit. A backend that cannot enforce a given limit refuses the policy. */
export interface Resources {
  /** Cores; may be a fraction. */
  readonly cpus: number | null
  readonly memoryBytes: number | null
  readonly pids: number | null
  readonly diskBytes: number | null
}

/** `none`: no connection leaves it, not even to the host's loopback. `hosts`: only to these (exact names, or `*.suffix`). */
export type Network = { readonly mode: 'none' | 'full' } | { readonly mode: 'hosts'; readonly hosts: readonly string[] }

export interface SandboxPolicy {
  /**
   * What can be written. `read-only`: only `write`. `workspace-write`: the workspace and `write`. `full`: no limit on files.
   */
  readonly access: Access
  /** Absolute host path of the workspace. */
  readonly workspace: string
  /** Host paths that can be written in addition to the workspace (e.g. a worktree's common git directory, where needed). */
  readonly write: readonly string[]
  /** Host paths that cannot be read. The backend adds this machine's secrets (Belay's record, ssh keys, cloud logins). */
  readonly denyRead: readonly string[]
  /** Host paths that can be read although a broader rule hides them (e.g. an agent's own login). */
  readonly read: readonly string[]
  /**
   * Host folders with a program's own settings. Their content can be read; paths in `write` below them can be written; other
   * writes there are discarded (on macOS: refused). Scratch files and databases that are not in `write` are hidden.
   */
  readonly own: readonly string[]
  readonly network: Network
  readonly resources: Resources
  /** Image (docker) or template (e2b); null for other backends. */
  readonly image: string | null
  /** Container runtime, e.g. `runsc`; docker only. */
  readonly runtime: string | null
}

/** Why a backend cannot be used, or cannot enforce a policy. */
export interface Refusal {
  readonly code: 'sandbox_unavailable' | 'sandbox_unenforceable' | 'sandbox_failed'
  readonly message: string
  /** What would help, as a sentence or a command; null: nothing is known to. */
  readonly next: string | null
}

/** An open sandbox. Whoever opened it must close it. */
export interface Sandbox {
  readonly backend: BackendName
  /** False for `host`: nothing is confined, and the command policy is the only protection. */
  readonly confined: boolean
  readonly policy: SandboxPolicy
  /** The one mapping between host paths and paths inside; null: the path has no counterpart. The identity on host and os. */
  toInside(hostPath: string): string | null
  toHost(insidePath: string): string | null
  /**
   * Starts a program inside. `cwd` and an absolute `argv[0]` are host paths; `env` is the complete environment. As with
   * `spawnKept`, the program's process group ends with Belay, however Belay dies. Rejects when the program cannot be started.
   */
  spawn(spec: ProcessSpec): Promise<KeptProcess>
  /**
   * What programs created in the workspace that git would have executed for its user, and that was therefore removed when they
   * ended. For people; grows until the sandbox is closed. Absent: nothing is ever removed.
   */
  removed?(): readonly string[]
  /**
   * Limits that were reached and hosts that were refused, one sentence each, for people. Complete once the sandbox is closed.
   * Absent: the backend cannot know.
   */
  violations?(): readonly string[]
  /**
   * Files that were changed here while a program inside changed them too, one sentence each, for people: whose was kept, and
   * where the other's is. Complete once the sandbox is closed. Absent: both sides have the same files.
   */
  conflicts?(): readonly string[]
  /** Ends everything inside and removes what the sandbox left on the machine. Safe to repeat. */
  close(): Promise<void>
}

export interface SandboxBackend {
  readonly name: BackendName
  /** Why this backend cannot work on this machine, or null. Leaves nothing running. Never throws. */
  probe(): Promise<Refusal | null>
  /** Why the named image or runtime cannot be used, or null. Starts nothing. Never throws. Absent: the backend uses neither. */
  has?(named: Pick<SandboxPolicy, 'image' | 'runtime'>): Promise<Refusal | null>
  /** Opens a sandbox for a policy, or says why it cannot. Throws only for bugs. */
  open(
    policy: SandboxPolicy,
    signal: AbortSignal,
  ): Promise<{ readonly sandbox: Sandbox } | { readonly refusal: Refusal }>
}
