/**
 * What an adapter brings to the conformance suite: its agent, and a way to script what the agent's model does. Steps are
 * neutral; a harness says them in its agent's own words (tool names, wire format, fault bodies).
 */
import type { Agent } from '../port.ts'

/** What the model was asked, as far as the suite looks at it. */
export interface Asked {
  readonly model: string | null
  readonly effort: string | null
  /** All text of the conversation in order: system, user, assistant, tool calls and results. */
  readonly text: string
}

export type Fault = 'rate_limit' | 'quota' | 'auth' | 'provider'

/** What the scripted model does with one request. */
export type Act =
  /** Ends the turn with a message, streamed in `pieces` with a little time between them (default 1). */
  | { readonly say: string; readonly pieces?: number }
  /** Calls the agent's tool that creates a file; `path` is relative to the workspace. */
  | { readonly write: { readonly path: string; readonly content: string } }
  /** Calls the agent's shell tool. */
  | { readonly run: string }
  /** Calls the agent's shell tool in such a way that the agent asks before it runs the command. */
  | { readonly ask: string }
  /** Gives the structured answer in the agent's way (also one that breaks the schema). */
  | { readonly answer: unknown }
  /** Fails as this provider really does; `retryAt` (ISO, whole seconds) is told in the provider's way. */
  | { readonly fail: Fault; readonly retryAt?: string }
  /** Begins an answer, then drops the connection. */
  | { readonly disconnect: true }
  /** Takes the request and never answers. */
  | { readonly hang: true }

export type Step = Act & {
  /** Checks the request before it is answered. What it throws fails the test at `close`. */
  readonly expect?: (asked: Asked) => void
  /** This step serves every later request too (agents retry and re-ask by themselves). Only for the last step. */
  readonly every?: boolean
}

/** A running scripted model for one test; it serves all turns of the test, one step per request, in order. */
export interface Scene {
  /** The agent's whole environment: how to reach the model, a home of its own, PATH. */
  readonly env: Readonly<Record<string, string>>
  /** Program and arguments for `TurnRequest.command`. Must be given, so that the suite can put a wrapper around it. */
  readonly command: readonly string[]
  /** Requests that took a step so far (side requests of the agent excepted). */
  asked(): readonly Asked[]
  /** Resolves when step number `index` (from 0) has been asked for. */
  reached(index: number): Promise<void>
  /** Stops the model and removes the home. Rejects when an `expect` failed or a step was never asked for. */
  close(): Promise<void>
}

export interface AgentHarness {
  readonly agent: Agent
  /** Why this agent cannot be tested on this machine (printed, tests skipped), or null. */
  readonly unavailable: string | null
  /** What to ask for, and what must then be seen in the request; null when the agent has no such thing. */
  readonly model: {
    readonly ask: string
    readonly seen: string
    /** As the session names it, when not as `seen`. */ readonly session?: string
  } | null
  readonly effort: { readonly ask: string; readonly seen: string } | null
  /** The agent itself sends a structured answer that breaks the schema back to its model (else it is passed on as it is). */
  readonly refusesBadAnswers: boolean
  /** The output of a tool call is told (default true, where calls are). */
  readonly reportsOutput?: boolean
  /** A request says its command as data (default true; else only in its title, for people). */
  readonly namesCommand?: boolean
  /** A denied request ends the turn (else the agent goes on and says so). */
  readonly stopsWhenDenied?: boolean
  /** The agent is part of Belay: there is no program to kill, to wrap or to be missing. */
  readonly inProcess?: boolean
  /** One line (without LF) of a type that the adapter cannot know, as the agent could write it to stdout. */
  readonly unknownFrame: string
  /** Tool calls and file changes become items (default true; a `command` agent has no words for them). */
  readonly reportsTools?: boolean
  /** A cost is reported for a turn that ended well (else usage carries tokens only). */
  readonly reportsCost: boolean
  /** False: the cost of a turn that goes on with a conversation is not known (default true, where a cost is reported). */
  readonly costAfterResume?: boolean
  /** Faults that this agent tells with a time. */
  readonly timedFaults: readonly Fault[]
  /** How exactly it tells them, in ms (default to the second). */
  readonly timesToMs?: number
  /** Faults that this agent can have at all. */
  readonly faults: readonly Fault[]
  /** Starts a scripted model. `workspace` is where the turns will run. */
  start(steps: readonly Step[], workspace: string): Promise<Scene>
}

/** What each group of rules gets: the harness, and scenes that are closed (and so checked) after every test. */
export interface Stage {
  readonly harness: AgentHarness
  /** A fresh workspace of the running test. */
  workspace(): string
  scene(steps: readonly Step[]): Promise<Scene>
}
