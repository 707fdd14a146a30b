/**
 * The agent port: anything that can take a turn. Each adapter translates its agent's protocol into these events, whose shape
 * follows ACP v2 (items upserted by id, exactly one end per turn). Adapters live beside this file, one folder each, and one
 * conformance suite (testing/conformance.ts) runs against all of them.
 */
import type { ModelServices } from '../engine/index.ts'
import type { PolicyConfig } from '../policy/index.ts'
import type { KeptProcess, ProcessIdentity, ProcessSpec } from '../process/index.ts'
import type { Access, Role, Usage } from '../core/words.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export type { Access } from '../core/words.ts'

/** What an agent can do. Programs decide by these, never by an agent's name. */
export interface Capabilities {
  /** The agent enforces an output schema itself. If not, the schema is put into the prompt. */
  readonly structuredOutput: boolean
  /** A conversation can be resumed by its native id. */
  readonly resume: boolean
  /** A turn can be interrupted and its conversation resumed afterwards. */
  readonly interrupt: boolean
  /** `reported`: the agent reports tokens and cost. `tokens`: tokens only. `none`: neither. */
  readonly usage: 'reported' | 'tokens' | 'none'
  /** Rate limit and quota errors carry the time at which another try makes sense. */
  readonly quota: boolean
  /** The agent enforces `read-only` access itself. */
  readonly readOnly: boolean
  /** The model can be chosen. */
  readonly model: boolean
  /** The agent asks before it does something it has no permission for, and continues with the answer. */
  readonly approvals: boolean
  /** The agent accepts messages during a turn. */
  readonly steer: boolean
  /** Accepted values of `effort`; empty when the agent has no such setting. */
  readonly efforts: readonly string[]
}

export interface TurnRequest {
  readonly role: Role
  readonly prompt: string
  /** JSON Schema of the final answer; null: free text. */
  readonly outputSchema: JsonSchema | null
  /** Absolute path of the workspace, which is the agent's working directory. */
  readonly cwd: string
  /** The agent's complete environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** null: the agent's default. */
  readonly model: string | null
  /** One of `Capabilities.efforts`; null: the agent's default. */
  readonly effort: string | null
  readonly access: Access
  /** Program and its arguments. Required for `command` agents; for others it replaces the program that would be looked up. */
  readonly command: readonly string[] | null
  /** Native id of the conversation to resume; null starts a new one. */
  readonly resume: string | null
  readonly task: { readonly handle: string; readonly title: string }
  readonly attempt: number
  readonly run: string
  /** Environment mark by which the turn's processes are found again after a crash (see process/leftovers.ts). */
  readonly mark: string
  /** Decides the agent's approval requests; null: nobody can, and the adapter refuses whatever `access` does not cover. */
  readonly approve: Approver | null
  /** Messages for the agent during the turn; null: there are none. Only set for agents with capability `steer`. */
  readonly steer: AsyncIterable<string> | null
  /**
   * Whether the adapter may keep the agent's program running for the next turn of the same run. The caller then ends it with
   * `closeStanding` (agents/standing.ts) when its work is over.
   */
  readonly standing: boolean
  /** Starts the agent's program, for instance inside a sandbox; null: `spawnKept`. */
  readonly spawn: ((spec: ProcessSpec) => Promise<KeptProcess>) | null
  /** Configured command rules, for an agent that applies them itself (`Agent.judges`); absent: only the built-in rules. */
  readonly policy?: PolicyConfig | undefined
  /** Configured model services, for an agent that calls models itself; absent: only the built-in ones. */
  readonly services?: ModelServices | undefined
  /** Aborts the turn: the agent is interrupted, and after `graceMs` milliseconds its process group is killed. */
  readonly signal: AbortSignal
  readonly graceMs: number
}

/** A request for permission, made before the agent acts. All of its text is untrusted. */
export interface ApprovalRequest {
  /** The agent's own id for the request. */
  readonly id: string
  readonly kind: 'command' | 'file_change' | 'network' | 'tool' | 'other'
  readonly title: string
  /** The command line, if `kind` is `command` and the agent names it. */
  readonly command: string | null
  readonly cwd: string | null
  readonly paths: readonly string[]
  readonly tool: { readonly name: string; readonly input: unknown } | null
  readonly reason: string | null
  /** The agent asks to act outside its own sandbox. */
  readonly beyond?: true
}

/** `allow_session` also allows similar requests for the rest of the conversation, where the agent can (else as `allow`). */
export interface ApprovalAnswer {
  readonly decision: 'allow' | 'allow_session' | 'deny'
  /** Who or what decided; kept in the record and, for a denial, told to the agent. */
  readonly reason: string
}

/**
 * Decides a request. Never rejects. `signal` aborts when the agent has withdrawn the request or the turn is over; the answer is
 * then ignored.
 */
export type Approver = (request: ApprovalRequest, signal: AbortSignal) => Promise<ApprovalAnswer>

/** One thing that happened in a turn. It is sent again with the same id whenever it changes; the last version counts. */
export interface Item {
  readonly id: string
  readonly kind: 'message' | 'reasoning' | 'tool_call' | 'file_change' | 'plan' | 'unknown'
  readonly status: 'running' | 'completed' | 'failed'
  /** What was said, planned or changed; for a tool call, its title. */
  readonly text: string
  readonly tool?: {
    readonly name: string
    readonly input: unknown
    readonly output: string | null
    readonly exitCode: number | null
  }
}

export type TurnErrorCode =
  | 'rate_limit' // too many requests, or the service is overloaded: try again soon
  | 'quota' // the allowance of the plan or account is used up: try again at retryAt
  | 'auth' // not logged in, or the key was refused
  | 'spawn' // the program is missing or did not start
  | 'protocol' // the program broke its own protocol, or ended without an answer
  | 'provider' // the model's service failed
  | 'failed' // the agent itself reports failure

export interface TurnError {
  readonly code: TurnErrorCode
  readonly message: string
  /** ISO time at which another try makes sense; null: the agent named none. */
  readonly retryAt: string | null
  /** The last part of what the program wrote to stderr. */
  readonly stderrTail: string
}

export type TurnEnd =
  | {
      readonly status: 'completed'
      /** The parsed JSON answer; null: there was none, or it was not JSON. */
      readonly output: unknown
      readonly text: string
    }
  | { readonly status: 'interrupted' }
  | { readonly status: 'failed'; readonly error: TurnError }

export type TurnEvent =
  | { readonly type: 'process'; readonly identity: ProcessIdentity }
  /** The conversation's native id (for `resume`), and the actual model and program version, as soon as they are known. */
  | {
      readonly type: 'session'
      readonly native: string | null
      readonly model: string | null
      readonly version: string | null
    }
  | { readonly type: 'item'; readonly item: Item }
  /** Usage since the previous event of this type. */
  | { readonly type: 'usage'; readonly usage: Usage }
  /** An approval request. Sent again with the same request id when it is answered (`answer` is set) or withdrawn. */
  | {
      readonly type: 'approval'
      readonly request: ApprovalRequest
      readonly state: 'asked' | 'answered' | 'withdrawn'
      readonly answer: ApprovalAnswer | null
    }
  /** A protocol frame as the agent wrote it, before interpretation; its length is capped. */
  | { readonly type: 'raw'; readonly frame: string }
  | { readonly type: 'end'; readonly end: TurnEnd }

export interface Probe {
  readonly installed: boolean
  /** Absolute path of the program; null: not found, or there is none. */
  readonly path: string | null
  readonly version: string | null
  /** null: unknown without a paid call. */
  readonly loggedIn: boolean | null
  /** What to do about what is missing. */
  readonly hint: string | null
}

/** Absolute paths that an agent's program uses outside the workspace, for the sandbox it runs in. */
export interface OwnPaths {
  /** Folders with its settings: readable, never writable, because they decide what runs when a person starts the agent. */
  readonly settings: readonly string[]
  /** Folders whose content must outlive a turn (conversations); nothing in them is ever executed. */
  readonly kept: readonly string[]
  /** Files that the program rewrites (logins). */
  readonly renewed: readonly string[]
  /** The program's own files, if they are installed in an unusual place; read-only. */
  readonly read?: readonly string[]
}

export interface Agent {
  readonly provider: string
  readonly capabilities: Capabilities
  /**
   * What the program uses outside the workspace (login, settings, conversations); absent: nothing. `command` is as in
   * `TurnRequest`.
   */
  ownPaths?(env: Readonly<Record<string, string>>, command: readonly string[] | null): OwnPaths
  /** The agent applies `TurnRequest.policy` to commands itself, and asks only for what the policy leaves to a person. */
  readonly judges?: true
  /** Every turn runs in one of Belay's sandboxes. */
  readonly isConfined?: true
  /** `ownPaths` is a guess from the command line; anything else the program needs in a sandbox must be configured. */
  readonly guessesPaths?: true
  /**
   * Looks at the machine only: never makes a paid or network call, never throws. `look: 'start'` checks only whether a turn can
   * be started, because it delays every run; `whole` (the default) also finds what a person wants to know.
   */
  probe(
    env: Readonly<Record<string, string>>,
    command: readonly string[] | null,
    look?: 'start' | 'whole',
  ): Promise<Probe>
  /**
   * Checks, without calling it, that the named model can be called with what is configured. Throws what is missing. Absent:
   * only the agent's program knows.
   */
  checkModel?(wanted: Pick<TurnRequest, 'model' | 'env' | 'services'>): Promise<void>
  /**
   * Starts in advance what a turn with `standing` will need, so that the turn does not wait for it. Returns at once; failures
   * show up in the turn. Absent: nothing can be started in advance.
   */
  warm?(request: Pick<TurnRequest, 'env' | 'cwd' | 'command' | 'run'>): void
  /**
   * Takes one turn. Never throws: a failure is the `end` event. Yields exactly one `end`, as the last event, after the program
   * and its process group have ended and its output has been read. On abort it ends as `interrupted`, shortly after
   * `graceMs` at the latest. Frames of unknown type become items of kind `unknown`.
   */
  turn(request: TurnRequest): AsyncIterable<TurnEvent>
}
