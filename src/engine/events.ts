/**
 * What happens in a turn of the loop, as it happens. Ids are unique within the turn; an event replaces earlier ones of the same
 * id.
 */
import type { Usage } from '../core/words.ts'
import type { Ask, AskAnswer } from './calls/ask.ts'
import type { Finish } from './finish.ts'
import type { Entry } from './history/entries.ts'
import type { ToolResult } from './port.ts'

export type Progress = 'running' | 'completed' | 'failed'

export type LoopEvent =
  | { readonly type: 'run_start'; readonly model: string; readonly maxSteps: number; readonly resumed: boolean }
  | { readonly type: 'step_start'; readonly step: number }
  /** Text or reasoning of an answer: everything so far. */
  | {
      readonly type: 'said'
      readonly kind: 'message' | 'reasoning'
      readonly id: string
      readonly text: string
      readonly status: Progress
    }
  | {
      readonly type: 'tool'
      readonly id: string
      readonly name: string
      readonly title: string
      readonly input: unknown
      readonly status: Progress
      /** null while the tool runs. */
      readonly result: ToolResult | null
      readonly durationMs: number | null
    }
  | { readonly type: 'usage'; readonly usage: Usage; readonly purpose: 'answer' | 'compaction' }
  | {
      readonly type: 'approval'
      readonly ask: Ask
      readonly state: 'asked' | 'answered' | 'withdrawn'
      readonly answer: AskAnswer | null
    }
  /** A model call failed and is repeated after `delayMs`. */
  | { readonly type: 'retry'; readonly attempt: number; readonly delayMs: number; readonly reason: string }
  | {
      readonly type: 'compaction'
      readonly method: 'prune' | 'model' | 'listing'
      readonly tokensBefore: number
      readonly tokensAfter: number
    }
  /** Something went wrong that does not end the turn. */
  | { readonly type: 'warning'; readonly code: string; readonly message: string }
  | { readonly type: 'step_complete'; readonly step: number; readonly usage: Usage; readonly calls: number }
  /** An entry was appended to the history and is durable by now. */
  | { readonly type: 'entry'; readonly entry: Entry }
  | { readonly type: 'run_complete'; readonly finish: Finish; readonly steps: number; readonly usage: Usage }

export type Emit = (event: LoopEvent) => void
