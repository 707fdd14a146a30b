/**
 * The agent port: something that can take a turn. Every agent is mapped onto these events; their shape follows ACP v2
 * (items upserted by id, one end per turn). Adapters live beside this file, one folder each, and one conformance suite
 * (testing/conformance.ts) runs against all of them.
 */
import type { ModelServices } from '../engine/index.ts'
import type { PolicyConfig } from '../policy/index.ts'
import type { KeptProcess, ProcessIdentity, ProcessSpec } from '../process/index.ts'
import type { Access, Role, Usage } from '../core/words.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export type { Access } from '../core/words.ts'

/** What a caller may ask an adapter for; programs ask for these, never for names. */
export interface Capabilities {
  /** The agent itself keeps to an output schema (else the schema is put into the prompt). */
  readonly structuredOutput: boolean
  /** A conversation can be taken up again by its native id. */
  readonly resume: boolean
  /** A turn can be ended so that the conversation stays usable. */
  readonly interrupt: boolean
  /** `reported`: the agent says what a turn cost. `tokens`: it reports tokens only. `none`: nothing. */
  readonly usage: 'reported' | 'tokens' | 'none'
  /** Rate limits and quota come with a time. */
  readonly quota: boolean
  /** `read-only` access is enforced by the agent. */
  readonly readOnly: boolean
  readonly model: boolean
  /** The agent asks before it does what is not allowed to it, and goes on with the answer. */
  readonly approvals: boolean
  /** A message can be handed to it in the middle of a turn. */
  readonly steer: boolean
  /** Accepted values of `effort`; empty when the agent has none. */
  readonly efforts: readonly string[]
}

export interface TurnRequest {
  readonly role: Role
  readonly prompt: string
  /** JSON Schema of the answer; null when free text is wanted. */
  readonly outputSchema: JsonSchema | null
  /** Absolute path of the workspace; the agent works there. */
  readonly cwd: string
  /** The agent's whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly model: string | null
  readonly effort: string | null
  readonly access: Access
  /** Program and arguments (`command` agents: required; others: replaces the program that is looked up). */
  readonly command: readonly string[] | null
  /** Native id of the conversation to go on with; null begins a new one. */
  readonly resume: string | null
  readonly task: { readonly handle: string; readonly title: string }
  readonly attempt: number
  readonly run: string
  /** Mark of the task's processes (see process/leftovers.ts). */
  readonly mark: string
  /** Answers what the agent asks for; null: nobody is there, and the adapter refuses what `access` does not cover. */
  readonly approve: Approver | null
  /** Messages for the agent while its turn runs (capability `steer`; others are never given one); null: none will come. */
  readonly steer: AsyncIterable<string> | null
  /**
   * The agent's program may be left standing for the next turn of the same run, if the adapter can: the caller ends what
   * stands with `closeStanding` (agents/standing.ts) when its work is over.
   */
  readonly standing: boolean
  /** Starts the agent's program, in its sandbox where there is one; null: `spawnKept`. */
  readonly spawn: ((spec: ProcessSpec) => Promise<KeptProcess>) | null
  /** Rules for commands from the configuration, for an agent that judges them itself; absent: only the built-in ones. */
  readonly policy?: PolicyConfig | undefined
  /** Model services of the configuration, for an agent that calls models itself; absent: only those that are known. */
  readonly services?: ModelServices | undefined
  /** Aborts the turn: the agent is interrupted, given `graceMs`, then its process group is killed. */
  readonly signal: AbortSignal
  readonly graceMs: number
}

/** What an agent asks for before it does it. Everything in it is untrusted text. */
export interface ApprovalRequest {
  /** The agent's own id of the request. */
  readonly id: string
  readonly kind: 'command' | 'file_change' | 'network' | 'tool' | 'other'
  readonly title: string
  /** The command line, when `kind` is `command` and the agent says it. */
  readonly command: string | null
  readonly cwd: string | null
  readonly paths: readonly string[]
  readonly tool: { readonly name: string; readonly input: unknown } | null
  readonly reason: string | null
  /** It asks to leave the sandbox that the agent has of its own. */
  readonly beyond?: true
}

/** `allow_session`: this and the like for the rest of the conversation, where the agent knows such a thing (else as `allow`). */
export interface ApprovalAnswer {
  readonly decision: 'allow' | 'allow_session' | 'deny'
  /** Who or what decided, for the record and, when denied, for the agent. */
  readonly reason: string
}

/**
 * Decides a request. Rejects for nothing; `signal` aborts when the agent withdrew the request or its turn is over (the answer
 * is then of no use).
 */
export type Approver = (request: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalAnswer>

/** One thing that happened in a turn. Sent again with the same id when it changes; the last one counts. */
export interface Item {
  readonly id: string
  readonly kind: 'message' | 'reasoning' | 'tool_call' | 'file_change' | 'plan' | 'unknown'
  readonly status: 'running' | 'completed' | 'failed'
  /** What was said, planned or changed; for a tool call its title. */
  readonly text: string
  readonly tool?: {
    readonly name: string
    readonly input: unknown
    readonly output: string | null
    readonly exitCode: number | null
  }
}

export type TurnErrorCode =
  | 'rate_limit' // too many requests or overloaded: try again soon
  | 'quota' // the plan's or account's allowance is used up: try again at retryAt
  | 'auth' // not logged in, key refused
  | 'spawn' // the program is not there or did not start
  | 'protocol' // it broke its own protocol, or ended without an answer
  | 'provider' // the model's service failed
  | 'failed' // the agent says it failed

export interface TurnError {
  readonly code: TurnErrorCode
  readonly message: string
  /** ISO time when another try makes sense, when the agent named one. */
  readonly retryAt: string | null
  /** End of what the program wrote to stderr, capped. */
  readonly stderrTail: string
}

export type TurnEnd =
  | {
      readonly status: 'completed'
      /** Parsed answer, or null when there was none or it was not JSON. */ readonly output: unknown
      readonly text: string
    }
  | { readonly status: 'interrupted' }
  | { readonly status: 'failed'; readonly error: TurnError }

export type TurnEvent =
  | { readonly type: 'process'; readonly identity: ProcessIdentity }
  /** The conversation's native id (for `resume`) and what really runs, as soon as known. */
  | {
      readonly type: 'session'
      readonly native: string | null
      readonly model: string | null
      readonly version: string | null
    }
  | { readonly type: 'item'; readonly item: Item }
  /** What was used since the last such event. */
  | { readonly type: 'usage'; readonly usage: Usage }
  /** The agent asked for something; comes again with the same request id when it was answered (`answer` set) or withdrawn. */
  | {
      readonly type: 'approval'
      readonly request: ApprovalRequest
      readonly state: 'asked' | 'answered' | 'withdrawn'
      readonly answer: ApprovalAnswer | null
    }
  /** A frame as the agent wrote it, before any interpretation (capped). */
  | { readonly type: 'raw'; readonly frame: string }
  | { readonly type: 'end'; readonly end: TurnEnd }

export interface Probe {
  readonly installed: boolean
  /** Absolute path of the program. */
  readonly path: string | null
  readonly version: string | null
  /** null: cannot be known without a paid call. */
  readonly loggedIn: boolean | null
  /** How to mend what is missing. */
  readonly hint: string | null
}

/** Absolute paths of an agent's program. */
export interface OwnPaths {
  /** Settings, and all else that is there: read, never changed, because it decides what runs when a person starts the agent. */
  readonly settings: readonly string[]
  /** Folders that must outlive a turn (conversations); nothing in them is ever run. */
  readonly kept: readonly string[]
  /** Files that are renewed (logins). */
  readonly renewed: readonly string[]
  /** What its program consists of, where that is not installed like others; only read. */
  readonly read?: readonly string[]
}

export interface Agent {
  readonly provider: string
  readonly capabilities: Capabilities
  /**
   * What its program has outside of the workspace (login, settings, conversations); absent: nothing. `command`: as in the
   * turn's request.
   */
  ownPaths?(env: Readonly<Record<string, string>>, command: readonly string[] | null): OwnPaths
  /** It judges commands by `TurnRequest.policy` itself, and asks only for what that leaves to a person. */
  readonly judges?: true
  /** Every turn of it is held by a sandbox of Belay's. */
  readonly isConfined?: true
  /** `ownPaths` is a guess from the command line: what else it needs in a sandbox has to be configured. */
  readonly guessesPaths?: true
  /**
   * Looks at the machine only: never makes a paid or network call. Never throws. `look` `start` asks no more than whether a
   * turn can be started (what it costs is time before every run); `whole` (the default) also what else a person wants to know.
   */
  probe(
    env: Readonly<Record<string, string>>,
    command: readonly string[] | null,
    look?: 'start' | 'whole',
  ): Promise<Probe>
  /**
   * Whether the model that is named can be called with what there is, as far as that is known without a call. Throws what is
   * missing. Absent: only the agent's program knows.
   */
  checkModel?(wanted: Pick<TurnRequest, 'model' | 'env' | 'services'>): Promise<void>
  /**
   * Starts what a turn like this one will need, so that it need not wait for it; only with `standing`. Absent: nothing can be
   * started ahead. Returns at once; what goes wrong is found out by the turn.
   */
  warm?(request: Pick<TurnRequest, 'env' | 'cwd' | 'command' | 'run'>): void
  /**
   * One turn. Never throws: what fails is the `end` event. Yields exactly one `end`, last, after the program and its group
   * have ended and its output was read. On abort it ends `interrupted` within `graceMs` and a little. Frames of unknown type
   * become items of kind `unknown`.
   */
  turn(request: TurnRequest): AsyncIterable<TurnEvent>
}
