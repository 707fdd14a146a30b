/**
 * What the engine needs from its surroundings. Whoever creates the agent provides it, so that exec, chat, runs and tests differ
 * only here.
 */
import type { Clock } from '../../core/clock.ts'
import type { History, Tool } from '../../engine/port.ts'
import type { CallModel, LoopEvent, LoopReport, ResolvedModel, RetryPolicy, ToolHook } from '../../engine/index.ts'
import type { CommandPolicy } from '../../policy/port.ts'
import type { Opened, SandboxRequest } from '../../sandbox/index.ts'
import type { TurnRequest } from '../port.ts'

/** A conversation's history, and a folder outside the workspace for files that tools keep. */
export interface EngineHistory {
  /** The conversation's native id, which a later turn passes as `TurnRequest.resume`. */
  readonly id: string
  readonly history: History
  /** Absolute path of an existing folder. */
  readonly store: string
  /** Releases the conversation at the end of the turn. */
  close(): Promise<void>
}

/** Settings of a turn that the agent port does not have. null: as in the definition, otherwise the default. */
export interface EngineSettings {
  /** Name of an agent definition (`.belay/agents/NAME.md`). */
  readonly definition: string | null
  readonly maxSteps: number | null
  readonly timeoutMs: number | null
  readonly budgetUsd: number | null
  readonly budgetTokens: number | null
  readonly contextWindow: number | null
  /** Name of a backend, or `auto`. */
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
  /** As `openSandbox` of src/sandbox: throws a BelayError if it cannot be opened. The agent closes the sandbox. */
  openSandbox(name: string, request: SandboxRequest, signal: AbortSignal): Promise<Opened>
  /** The command policy for a turn. */
  policy(request: TurnRequest): CommandPolicy | Promise<CommandPolicy>
  /** Opens the conversation `request.resume`, or a new one. Throws a BelayError if there is no conversation with that id. */
  openHistory(request: TurnRequest): Promise<EngineHistory>
  /** Creates the tools. `allow`: only these (unknown names throw); null: all. Absent: the registry of src/engine/tools. */
  readonly tools?: (allow: readonly string[] | null) => Promise<readonly Tool[]>
  readonly settings?: (request: TurnRequest) => Partial<EngineSettings>
  /** Hooks that see every call. Beside the policy, they can only tighten. */
  readonly hooks?: readonly ToolHook[]
  /** The user's configuration folder (instructions, skills, definitions) for an environment; null: none. */
  readonly userFolder?: (env: Readonly<Record<string, string>>) => string | null
  /** Receives every event of the loop. */
  readonly onEvent?: (event: LoopEvent, request: TurnRequest) => void
  /** Receives the loop's report, with finish reason, steps and refusals, before the turn's `end` event. */
  readonly onReport?: (report: LoopReport, request: TurnRequest) => void
  readonly clock?: Clock
  readonly retry?: RetryPolicy
  /** Replaces the provider in tests. */
  readonly callerFor?: (model: ResolvedModel) => CallModel
}
