/**
 * What an adapter provides to the conformance suite: its agent, and a way to script the agent's model. Steps are neutral; a
 * harness translates them for its agent (tool names, wire format, bodies of failures).
 */
import type { Agent } from '../port.ts'

/** What the model was asked, as far as the suite checks it. */
export interface Asked {
  readonly model: string | null
  readonly effort: string | null
  /** All text of the conversation in order: system, user, assistant, tool calls and results. */
  readonly text: string
}

export type Fault = 'rate_limit' | 'quota' | 'auth' | 'provider'

/** What the scripted model does for one request. */
export type Act =
  /** Ends the turn with a message, streamed in `pieces` with short pauses (default 1). */
  | { readonly say: string; readonly pieces?: number }
  /** Calls the agent's tool that creates a file; `path` is relative to the workspace. */
  | { readonly write: { readonly path: string; readonly content: string } }
  /** Calls the agent's shell tool. */
  | { readonly run: string }
  /** Calls the agent's shell tool in a way that makes the agent ask before it runs the command. */
  | { readonly ask: string }
  /** Gives the structured answer in the agent's way, even one that breaks the schema. */
  | { readonly answer: unknown }
  /** Fails as this provider really does. `retryAt` (ISO, whole seconds) is reported in the provider's way. */
  | { readonly fail: Fault; readonly retryAt?: string }
  /** Begins an answer, then drops the connection. */
  | { readonly disconnect: true }
  /** Takes the request and never answers. */
  | { readonly hang: true }

export type Step = Act & {
  /** Checks the request before it is answered. An exception fails the test at `close`. */
  readonly expect?: (asked: Asked) => void
  /** This step also serves every later request, because agents retry on their own. Only for the last step. */
  readonly every?: boolean
}

/** A running scripted model for one test. It serves all turns of the test, one step per request, in order. */
export interface Scene {
  /** The agent's complete environment: the model's address, a private home, PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Program and arguments for `TurnRequest.command`. Required, so that the suite can wrap the program. */
  readonly command: readonly string[]
  /** The requests that took a step so far, without the agent's side requests. */
  asked(): readonly Asked[]
  /** Resolves when step number `index` (from 0) has been requested. */
  reached(index: number): Promise<void>
  /** Stops the model and removes the home. Rejects if an `expect` failed or a step was never requested. */
  close(): Promise<void>
}

export interface AgentHarness {
  readonly agent: Agent
  /** Why this agent cannot be tested on this machine (printed, tests are skipped); null: it can. */
  readonly unavailable: string | null
  /** The model to ask for, and what the request must then contain; null: the agent has no such setting. */
  readonly model: {
    readonly ask: string
    readonly seen: string
    /** As the session names it, when not as `seen`. */ readonly session?: string
  } | null
  readonly effort: { readonly ask: string; readonly seen: string } | null
  /** The agent itself sends its model an answer that breaks the schema back; otherwise it passes the answer on. */
  readonly refusesBadAnswers: boolean
  /** The output of tool calls is reported (default true, if calls are). */
  readonly reportsOutput?: boolean
  /** An approval request holds its command as data (default true); otherwise only its title shows it. */
  readonly namesCommand?: boolean
  /** A denied request ends the turn; otherwise the agent continues and says so. */
  readonly stopsWhenDenied?: boolean
  /** The agent is part of Belay: there is no program to kill, to wrap or to be missing. */
  readonly inProcess?: boolean
  /** One line (without LF) of a type unknown to the adapter, as the agent could write it to stdout. */
  readonly unknownFrame: string
  /** Tool calls and file changes become items (default true; the `command` protocol cannot report them). */
  readonly reportsTools?: boolean
  /** The cost of a successful turn is reported; otherwise usage holds tokens only. */
  readonly reportsCost: boolean
  /** false: the cost of a turn that resumes a conversation is unknown (default true, if costs are reported). */
  readonly costAfterResume?: boolean
  /** Faults that this agent reports with a time. */
  readonly timedFaults: readonly Fault[]
  /** Precision of these times, in ms; absent: exact to the second. */
  readonly timesToMs?: number
  /** Faults that this agent can have at all. */
  readonly faults: readonly Fault[]
  /** Starts a scripted model. `workspace` is where the turns will run. */
  start(steps: readonly Step[], workspace: string): Promise<Scene>
}

/** What each group of rules gets: the harness, and scenes that are closed (and so checked) after every test. */
export interface Stage {
  readonly harness: AgentHarness
  /** A new workspace for the running test. */
  workspace(): string
  scene(steps: readonly Step[]): Promise<Scene>
}
