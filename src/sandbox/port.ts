/**
 * The sandbox port: how processes are confined. One conformance suite (testing/conformance.ts) and one escape suite run against
 * every backend. A policy that a backend cannot enforce is refused when the sandbox is opened, never ignored.
 */
import type { Access } from '../core/words.ts'
import type { KeptProcess, ProcessSpec } from '../process/index.ts'

export const BACKENDS = ['host', 'os', 'docker', 'e2b'] as const
export type BackendName = (typeof BACKENDS)[number]

/** Absent limits (null) are not asked for; a backend that cannot keep to one that is asked for refuses. */
export interface Resources {
  /** Cores, may be a fraction. */
  readonly cpus: number | null
  readonly memoryBytes: number | null
  readonly pids: number | null
  readonly diskBytes: number | null
}

/** `none`: not even loopback to the outside. `hosts`: only these (exact names or `*.suffix`). */
export type Network = { readonly mode: 'none' | 'full' } | { readonly mode: 'hosts'; readonly hosts: readonly string[] }

export interface SandboxPolicy {
  /**
   * `read-only`: nothing of the workspace can be changed (only `write`). `workspace-write`: the workspace and `write`. `full`:
   * no limit on files.
   */
  readonly access: Access
  /** Absolute host path of the workspace. */
  readonly workspace: string
  /** Host paths that can be written besides the workspace (e.g. the common git dir of a worktree where it must be). */
  readonly write: readonly string[]
  /** Host paths that cannot be read; the backend adds what is secret on this machine (Belay's record, ssh keys, cloud logins). */
  readonly denyRead: readonly string[]
  /** Host paths that can be read although a wider rule hides them (an agent's own login, for instance). */
  readonly read: readonly string[]
  /**
   * Host folders with a program's own settings: what is there can be read, what is in `write` below them can be written, and what
   * else is written there goes nowhere (macOS: is refused). Scratch files and databases that are not in `write` are not seen.
   */
  readonly own: readonly string[]
  readonly network: Network
  readonly resources: Resources
  /** Image (docker) or template (e2b); null elsewhere. */
  readonly image: string | null
  /** Container runtime, e.g. `runsc`; docker only. */
  readonly runtime: string | null
}

/** One thing that keeps a backend from being used, or a policy from being kept. */
export interface Refusal {
  /** `sandbox_unavailable`, `sandbox_unenforceable`, `sandbox_failed`. */
  readonly code: 'sandbox_unavailable' | 'sandbox_unenforceable' | 'sandbox_failed'
  readonly message: string
  /** What would help, as a sentence or a command. */
  readonly next: string | null
}

/** An opened sandbox. Belongs to whoever opened it, who closes it. */
export interface Sandbox {
  readonly backend: BackendName
  /** False for `host`: nothing is confined, the command policy is all there is. */
  readonly confined: boolean
  readonly policy: SandboxPolicy
  /** The one path mapping: where a host path is seen inside (null: not there), and back. On host and os both are the identity. */
  toInside(hostPath: string): string | null
  toHost(insidePath: string): string | null
  /**
   * Starts a program inside. `cwd` and absolute paths of `argv[0]` are host paths, `env` is the whole environment; the rest is
   * as `spawnKept`: its group ends with Belay, however Belay dies. Rejects when nothing can be started.
   */
  spawn(spec: ProcessSpec): Promise<KeptProcess>
  /**
   * What its programs made that git would have run for whoever uses the workspace, and that was therefore removed when they
   * ended: for people, grows until the sandbox is closed. Absent: nothing is ever removed.
   */
  removed?(): readonly string[]
  /**
   * Limits that were reached and hosts that were asked for in vain: a sentence each, for people; complete once the sandbox is
   * closed. Absent: it has no way to know.
   */
  violations?(): readonly string[]
  /** Ends everything in it and removes what it left on the machine. Safe to repeat. */
  close(): Promise<void>
}

export interface SandboxBackend {
  readonly name: BackendName
  /** Whether it can work on this machine, without starting anything lasting. Never throws. */
  probe(): Promise<Refusal | null>
  /** Whether what a policy names is there, without starting anything. Never throws. Absent: a policy can name nothing. */
  has?(named: Pick<SandboxPolicy, 'image' | 'runtime'>): Promise<Refusal | null>
  /** Opens a sandbox for a policy, or says why not. Throws only for bugs. */
  open(
    policy: SandboxPolicy,
    signal: AbortSignal,
  ): Promise<{ readonly sandbox: Sandbox } | { readonly refusal: Refusal }>
}
