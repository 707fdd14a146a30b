import type { Usage } from '../core/words.ts'
import type { FinishReason } from './finish.ts'
import type { CostOf } from './model/usage.ts'

export interface Limits {
  /** Most model calls for answers. */
  readonly maxSteps: number
  /** Wall time of the turn, in ms; null: no limit. */
  readonly timeoutMs: number | null
  /** Input and output tokens together; null: no limit. */
  readonly budgetTokens: number | null
  readonly budgetUsd: number | null
}

export const DEFAULT_LIMITS: Limits = { maxSteps: 50, timeoutMs: null, budgetTokens: null, budgetUsd: null }

/** Compares a turn's usage with its budgets. Checked before every model call and after its usage. */
export class Meter {
  readonly #limits: Limits
  #sum: Usage = { inputTokens: 0, outputTokens: 0, costUsd: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

  constructor(limits: Limits) {
    this.#limits = limits
  }

  add(usage: Usage): void {
    this.#sum = addUsage(this.#sum, usage)
  }

  /** Everything used so far. The cost is null unless it is known for every part. */
  get usage(): Usage {
    return this.#sum
  }

  /** Why nothing more may be spent; null: the turn may continue. */
  exceeded(): { readonly reason: FinishReason; readonly message: string } | null {
    const { budgetTokens, budgetUsd } = this.#limits
    const { inputTokens, outputTokens, costUsd } = this.#sum
    const tokens = inputTokens + outputTokens
    if (budgetTokens !== null && tokens >= budgetTokens)
      return { reason: 'budget_tokens', message: `${tokens} of ${budgetTokens} tokens are used` }
    if (budgetUsd === null) return null
    if (costUsd === null)
      return {
        reason: 'budget_usd',
        message: `the cost of this model is unknown, so the budget of $${budgetUsd} cannot be enforced`,
      }
    return costUsd >= budgetUsd
      ? { reason: 'budget_usd', message: `$${costUsd.toFixed(4)} of $${budgetUsd} are used` }
      : null
  }
}

/**
 * Why a budget in dollars cannot be enforced for this model, or null. Checked before anything is spent, because the prices of
 * some models are unknown. `title` is `PROVIDER/NAME`.
 */
export function unpriced(
  { title, priced }: { readonly title: string; readonly priced: boolean },
  { budgetUsd }: Limits,
  costOf: CostOf,
): string | null {
  if (budgetUsd === null || priced) return null
  const name = title.slice(title.indexOf('/') + 1)
  if (costOf(name, { inputTokens: 1, outputTokens: 1, costUsd: null }) !== null) return null
  return `the cost of ${title} is unknown, so the budget of $${budgetUsd} cannot be enforced; limit tokens instead`
}

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    costUsd: a.costUsd === null || b.costUsd === null ? null : a.costUsd + b.costUsd,
    cacheReadTokens: (a.cacheReadTokens ?? 0) + (b.cacheReadTokens ?? 0),
    cacheWriteTokens: (a.cacheWriteTokens ?? 0) + (b.cacheWriteTokens ?? 0),
  }
}
