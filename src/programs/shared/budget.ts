import { BelayError } from '../../core/errors.ts'
import { formatDuration } from '../../core/duration.ts'
import type { Clock } from '../../core/clock.ts'
import type { CostKind, Reason, Usage } from '../../core/words.ts'
import type { SessionRow } from '../../record/index.ts'

export interface BudgetLimits {
  readonly usd: number | null
  readonly tokens: number | null
  readonly wallMs: number | null
  /** With a money limit: whether use whose cost nobody knows ends the work (`refuse`), or is not counted. */
  readonly unknownCost?: 'refuse' | 'allow'
}

/**
 * What a run may use, and what it has used. Checked before each turn and after each usage item, so the overshoot is at most
 * what agents use between two such items (for agents that report only at the end: one turn per task at work). Turns,
 * gates and setup are ended when the time is used up.
 */
export class Budget {
  readonly #limits: BudgetLimits
  readonly #clock: Clock
  /** When the time is used up, in ms since the epoch. */
  readonly #wallUntil: number | null
  #usd = 0
  #tokens = 0
  /** Tokens were used whose cost nobody knows. */
  #blind = false

  /** `sessions` is what the run has used so far, `workedMs` how long earlier processes worked on it; this one begins now. */
  constructor(limits: BudgetLimits, sessions: readonly SessionRow[], clock: Clock, workedMs = 0) {
    this.#limits = limits
    this.#clock = clock
    this.#wallUntil = limits.wallMs === null ? null : clock.now() + limits.wallMs - workedMs
    for (const session of sessions) this.add(session)
  }

  /** Counts what was used. */
  add({ inputTokens, outputTokens, costUsd }: Usage): void {
    this.#usd += costUsd ?? 0
    this.#tokens += inputTokens + outputTokens
    if (costUsd === null && inputTokens + outputTokens > 0) this.#blind = true
  }

  /** Aborts with `BudgetExceeded` when the time is used up, until it is disposed of. */
  watchWall(): { readonly signal: AbortSignal; dispose(): void } {
    const over = new AbortController()
    const disposed = new AbortController()
    if (this.#wallUntil !== null) {
      void this.#clock.sleepUntil(this.#wallUntil, disposed.signal).then(
        () => over.abort(new BudgetExceeded(this.#wallReason())),
        () => {}, // disposed of
      )
    }
    return { signal: over.signal, dispose: () => disposed.abort(new Error('disposed of')) }
  }

  /** Why nothing more may be spent, or null. */
  exceeded(): Reason | null {
    const { usd, tokens, wallMs } = this.#limits
    if (usd !== null && this.#usd >= usd) {
      return {
        code: 'budget_usd',
        message: `the run has used $${this.#usd.toFixed(4)} of $${usd}; go on with: belay resume --budget-usd N`,
      }
    }
    if (usd !== null && this.#blind && this.#limits.unknownCost === 'refuse') {
      return {
        code: 'budget_unknown_cost',
        message: `an agent used tokens without saying what they cost, so the limit of $${usd} cannot be kept; go on without counting them: belay resume --allow-unknown-cost`,
      }
    }
    if (tokens !== null && this.#tokens >= tokens) {
      return {
        code: 'budget_tokens',
        message: `the run has used ${this.#tokens} of ${tokens} tokens; go on with: belay resume --budget-tokens N`,
      }
    }
    if (wallMs !== null && this.#wallUntil !== null && this.#clock.now() >= this.#wallUntil) {
      return this.#wallReason()
    }
    return null
  }

  #wallReason(): Reason {
    const all = formatDuration(this.#limits.wallMs ?? 0)
    return { code: 'budget_wall', message: `the run has used its ${all}; go on with: belay resume --budget-wall D` }
  }
}

/** Thrown by the observer of a turn to end it: the budget is used up. */
export class BudgetExceeded extends Error {
  readonly reason: Reason
  /** Belay's id of the conversation that was cut off; null when the turn had not begun. */
  readonly session: string | null

  constructor(reason: Reason, session: string | null = null) {
    super(reason.message)
    this.reason = reason
    this.session = session
  }
}

/** Cost of several sessions together: null when any that used tokens is unknown. */
export function totalCost(sessions: readonly SessionRow[]): { usd: number | null; kind: CostKind } {
  const used = sessions.filter((session) => session.inputTokens + session.outputTokens > 0 || session.costUsd !== null)
  if (used.some((session) => session.costUsd === null) || used.length === 0) return { usd: null, kind: 'unknown' }
  const usd = used.reduce((sum, session) => sum + (session.costUsd ?? 0), 0)
  return { usd, kind: used.some((session) => session.costKind === 'estimated') ? 'estimated' : 'reported' }
}

/** Refuses a money limit that cannot be enforced. */
export function refuseUnknownCost(limit: number | null, roles: readonly { role: string; knowsCost: boolean }[]): void {
  const blind = roles.filter((role) => !role.knowsCost).map((role) => role.role)
  if (limit === null || blind.length === 0) return
  throw new BelayError('cost_unknown', `a money limit is set, but the cost of the ${blind.join(' and ')} is unknown`, {
    expected: 'agents that report their cost, or a model in the price table',
    next: 'set budget.unknown_cost: allow (then only known costs count), or limit budget.tokens instead',
  })
}
