import type { ThinkingLevel } from '@earendil-works/pi-ai'
import type { Clock } from '../core/clock.ts'
import type { Asker } from './calls/ask.ts'
import type { ToolHook } from './calls/hooks.ts'
import type { Emit } from './events.ts'
import type { Limits } from './limits.ts'
import type { AnswerForm } from './model/answer-form.ts'
import type { CallModel } from './model/call.ts'
import type { RetryPolicy } from './model/retry.ts'
import type { CostOf } from './model/usage.ts'
import type { History, Tool, ToolContext } from './port.ts'
import type { OutputCheck } from './structured.ts'

/** The model of a turn, as the loop uses it. */
export interface LoopModel {
  /** `PROVIDER/NAME`. */
  readonly title: string
  readonly call: CallModel
  readonly contextWindow: number
  /** Most tokens of one answer. */
  readonly maxAnswer: number
  readonly priced: boolean
}

export interface LoopOptions {
  readonly model: LoopModel
  readonly effort: ThinkingLevel | null
  readonly system: string
  /** The user's request for this turn. */
  readonly task: string
  /** Checks the JSON of the final answer; null: free text. */
  readonly outputCheck: OutputCheck | null
  /** How the model's service is told the schema; null: only the prompt states it. */
  readonly outputForm: AnswerForm | null
  readonly history: History
  /** Id of the conversation. */
  readonly session: string
  readonly tools: readonly Tool[]
  /**
   * Called before each step. Resolves to the tools from now on and to what went wrong, or to null: unchanged. Never rejects.
   */
  readonly refreshTools?: () => Promise<{
    readonly tools: readonly Tool[]
    readonly problems: readonly string[]
  } | null>
  readonly hooks: readonly ToolHook[]
  /** Everything that a tool may use. The loop replaces its `signal` by the turn's own. */
  readonly context: ToolContext
  readonly asker: Asker | null
  readonly steer: AsyncIterable<string> | null
  readonly limits: Limits
  readonly retry: RetryPolicy
  readonly costOf: CostOf
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly emit: Emit
}
