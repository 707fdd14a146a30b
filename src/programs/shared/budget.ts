import { BelayError } from '../../core/errors.ts'
import { formatDuration } from '../../core/duration.ts'
import type { Clock } from '../../core/clock.ts'
import type { CostKind, Reason, Usage } from '../../core/words.ts'
import type { SessionRow } from '../../record/index.ts'

export interface BudgetLimits {
  readonly usd: number | null
  readonly tokens: number | null
  readonly wallMs: number | null
  /** With a money limit: usage of unknown cost ends the work (`refuse`) or is not counted (`allow`). */
  readonly unknownCost?: 'refuse' | 'allow'
}

/**
 * What a run may use and what it has used. It is checked before each turn and after each usage item, so a run exceeds it by at
 * most what agents use between two such items (for agents that report only at the end: one turn per running task). When the
 * time is used up, turns, gates and setup are ended.
 */
export class Budget {
  readonly #limits: BudgetLimits
  readonly #clock: Clock
  /** Time at which the wall time is used up, in ms since the epoch. */
  readonly #wallUntil: number | null
  #usd = 0
  #tokens = 0
  /** Tokens of unknown cost were used. */
  #blind = false

  /** `sessions`: what the run has used so far. `workedMs`: how long earlier processes worked on it. This process starts now. */
  constructor(limits: BudgetLimits, sessions: readonly SessionRow[], clock: Clock, workedMs = 0) {
    this.#limits = limits
    this.#clock = clock
    this.#wallUntil = limits.wallMs === null ? null : clock.now() + limits.wallMs - workedMs
    for (const session of sessions) this.add(session)
  }

  add({ inputTokens, outputTokens, costUsd }: Usage): void {
    this.#usd += costUsd ?? 0
    this.#tokens += inputTokens + outputTokens
    if (costUsd === null && inputTokens + outputTokens > 0) this.#blind = true
  }

  /** The signal aborts with `BudgetExceeded` when the time is used up, unless disposed of before. */
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

/** Ends a turn because the budget is used up; thrown while its events are observed. */
export class BudgetExceeded extends Error {
  readonly reason: Reason
  /** Belay's id of the conversation that was cut off; null: the turn had not begun. */
  readonly session: string | null

  constructor(reason: Reason, session: string | null = null) {
    super(reason.message)
    this.reason = reason
    this.session = session
  }
}

/** Total cost of several sessions. null if any session that used tokens has an unknown cost, or none has used anything. */
export function totalCost(sessions: readonly SessionRow[]): { usd: number | null; kind: CostKind } {
  const used = sessions.filter((session) => session.inputTokens + session.outputTokens > 0 || session.costUsd !== null)
  if (used.some((session) => session.costUsd === null) || used.length === 0) return { usd: null, kind: 'unknown' }
  const usd = used.reduce((sum, session) => sum + (session.costUsd ?? 0), 0)
  return { usd, kind: used.some((session) => session.costKind === 'estimated') ? 'estimated' : 'reported' }
}

/** Throws `cost_unknown` for a money limit that cannot be enforced because the cost of an agent is unknown. */
export function refuseUnknownCost(limit: number | null, roles: readonly { role: string; knowsCost: boolean }[]): void {
  const blind = roles.filter((role) => !role.knowsCost).map((role) => role.role)
  if (limit === null || blind.length === 0) return
  throw new BelayError('cost_unknown', `a money limit is set, but the cost of the ${blind.join(' and ')} is unknown`, {
    expected: 'agents that report their cost, or a model in the price table',
    next: 'set budget.unknown_cost: allow (then only known costs count), or limit budget.tokens instead',
  })
}
