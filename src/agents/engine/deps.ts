/**
 * What the engine needs from outside of itself: whoever makes the agent chooses, so that exec, chat, runs and tests differ only
 * here.
 */
import type { Clock } from '../../core/clock.ts'
import type { History, Tool } from '../../engine/port.ts'
import type { CallModel, LoopEvent, LoopReport, ResolvedModel, RetryPolicy, ToolHook } from '../../engine/index.ts'
import type { CommandPolicy } from '../../policy/port.ts'
import type { Opened, SandboxRequest } from '../../sandbox/index.ts'
import type { TurnRequest } from '../port.ts'

/** A conversation's history, and a folder outside of the workspace for what its tools keep. */
export interface EngineHistory {
  /** The native id: `TurnRequest.resume` of a later turn. */
  readonly id: string
  readonly history: History
  /** Absolute path; exists. */
  readonly store: string
  /** Gives it back at the end of the turn. */
  close(): Promise<void>
}

/** What of a turn the agent port has no words for. What is null is the definition's, else the default. */
export interface EngineSettings {
  /** Name of an agent definition (`.belay/agents/NAME.md`). */
  readonly definition: string | null
  readonly maxSteps: number | null
  readonly timeoutMs: number | null
  readonly budgetUsd: number | null
  readonly budgetTokens: number | null
  readonly contextWindow: number | null
  /** A backend's name, or `auto`. */
  readonly sandbox: string | null
}

export const NO_SETTINGS: EngineSettings = {
  definition: null,
  maxSteps: null,
  timeoutMs: null,
  budgetUsd: null,
  budgetTokens: null,
  contextWindow: null,
  sandbox: null,
}

export interface EngineDeps {
  /** As `openSandbox` of src/sandbox: throws a BelayError when it cannot be opened. The agent closes it. */
  openSandbox(name: string, request: SandboxRequest, signal: AbortSignal): Promise<Opened>
  /** The command policy of a turn. */
  policy(request: TurnRequest): CommandPolicy | Promise<CommandPolicy>
  /** Opens the conversation `request.resume`, or a new one. Throws a BelayError when there is none of that id. */
  openHistory(request: TurnRequest): Promise<EngineHistory>
  /** The tools; `allow`: only these (unknown names throw), null: all. Default: the registry of src/engine/tools. */
  readonly tools?: (allow: readonly string[] | null) => Promise<readonly Tool[]>
  readonly settings?: (request: TurnRequest) => Partial<EngineSettings>
  /** See every call, beside the policy: they can only tighten it. */
  readonly hooks?: readonly ToolHook[]
  /** The user's configuration folder (instructions, skills, definitions) for an environment; null: none. */
  readonly userFolder?: (env: Readonly<Record<string, string>>) => string | null
  /** Everything the loop does, in its own words. */
  readonly onEvent?: (event: LoopEvent, request: TurnRequest) => void
  /** How a turn ended, with its finish reason, steps and refusals; before its `end` event. */
  readonly onReport?: (report: LoopReport, request: TurnRequest) => void
  readonly clock?: Clock
  readonly retry?: RetryPolicy
  /** Stands in for the provider in tests. */
  readonly callerFor?: (model: ResolvedModel) => CallModel
}
