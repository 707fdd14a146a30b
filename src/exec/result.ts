import { formatDuration } from '../core/duration.ts'
import type { Reason, Usage } from '../core/words.ts'
import type { TurnOutcome } from '../agents/turn.ts'

/**
 * `done`: the agent says it is. `blocked`: a limit or the agent stopped it, and a person has to see why. `suspended`: money or
 * quota, it can go on later. `failed`: the agent, its model or Belay broke.
 */
export type ExecStatus = 'done' | 'blocked' | 'suspended' | 'failed' | 'interrupted'

/** A call that was not made because policy, a hook or a person said so, or nobody was there to ask. */
export interface Denied {
  /** The agent's word: untrusted. */
  readonly title: string
  readonly reason: string
}

export interface TurnResult {
  readonly status: ExecStatus
  /** Stable; `agent_done` when it is done. */
  readonly finishReason: string
  readonly text: string
  /** `text` is no whole message: it broke off. */
  readonly isCutOff: boolean
  /** What was denied in this turn, each once, in order. */
  readonly denied: readonly Denied[]
  /** The answer that fits the output schema; null without one. */
  readonly output: unknown
  /** Model calls where the agent tells them, else tool calls and the answer. */
  readonly steps: number
  readonly usage: Usage
  /** null when it is done. */
  readonly error: (Reason & { readonly retryAt: string | null }) | null
}

/** Exit statuses (docs/reference/cli.md). */
const EXIT: Readonly<Record<ExecStatus, number>> = { failed: 1, interrupted: 130, suspended: 5, blocked: 3, done: 0 }

export function exitOf(status: ExecStatus): number {
  return EXIT[status]
}

/** Reasons to stop that are no fault: what a person should look at, and what only needs time or money. */
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

/** What a turn's outcome says: a stable reason, and a sentence. */
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
