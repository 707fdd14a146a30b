import { formatDuration } from '../core/duration.ts'
import type { Reason, Usage } from '../core/words.ts'
import type { TurnOutcome } from '../agents/turn.ts'

/**
 * `done`: the agent says so. `blocked`: a limit or the agent ended the turn, and a person must see why. `suspended`: money or
 * quota is used up, so it can continue later. `failed`: the agent, its model or Belay failed.
 */
export type ExecStatus = 'done' | 'blocked' | 'suspended' | 'failed' | 'interrupted'

/** A call that was not made, because policy, a hook or a person denied it, or because nobody could be asked. */
export interface Denied {
  /** As the agent names it: untrusted. */
  readonly title: string
  readonly reason: string
}

export interface TurnResult {
  readonly status: ExecStatus
  /** A stable code; `agent_done` if the status is `done`. */
  readonly finishReason: string
  readonly text: string
  /** `text` is an incomplete message. */
  readonly isCutOff: boolean
  /** What was denied in this turn, each once, in order. */
  readonly denied: readonly Denied[]
  /** The answer that fits the output schema; null without a schema. */
  readonly output: unknown
  /** Model calls if the agent reports them, else tool calls plus the answer. */
  readonly steps: number
  readonly usage: Usage
  /** null if the status is `done`. */
  readonly error: (Reason & { readonly retryAt: string | null }) | null
}

/** Exit statuses (docs/reference/cli.md). */
const EXIT: Readonly<Record<ExecStatus, number>> = { failed: 1, interrupted: 130, suspended: 5, blocked: 3, done: 0 }

export function exitOf(status: ExecStatus): number {
  return EXIT[status]
}

/** Finish reasons that are no failures: some need a person, others only time or money. */
const STATUS: Readonly<Record<string, ExecStatus>> = {
  agent_done: 'done',
  cancelled: 'interrupted',
  interrupted: 'interrupted',
  max_steps: 'blocked',
  timeout: 'blocked',
  stall: 'blocked',
  doom_loop: 'blocked',
  refused: 'blocked',
  invalid_output: 'blocked',
  budget_usd: 'suspended',
  budget_tokens: 'suspended',
  budget_unknown: 'suspended',
  quota: 'suspended',
  rate_limit: 'suspended',
}

export function statusOf(finishReason: string): ExecStatus {
  return STATUS[finishReason] ?? 'failed'
}

/** A turn's outcome as a stable code and a sentence. */
export function reasonOf(outcome: TurnOutcome): { finishReason: string; message: string; retryAt: string | null } {
  switch (outcome.status) {
    case 'completed':
      return { finishReason: 'agent_done', message: '', retryAt: null }
    case 'interrupted':
      return { finishReason: 'interrupted', message: 'it was interrupted', retryAt: null }
    case 'timeout':
    case 'stall': {
      const after = formatDuration(outcome.afterMs)
      const message =
        outcome.status === 'timeout'
          ? `its time ran out after ${after}`
          : `it was silent for too long (the turn took ${after})`
      return { finishReason: outcome.status, message, retryAt: null }
    }
    case 'failed': {
      const { code, message, retryAt, stderrTail } = outcome.error
      const said = stderrTail.trim()
      return { finishReason: code, message: said === '' ? message : `${message}\n${said}`, retryAt }
    }
  }
}
