import type { Usage } from '../core/words.ts'
import { estimateCost } from './prices.ts'

/**
 * The cost of one agent turn, usage by usage: as the agent reports it, otherwise by the price table. An agent that reports its
 * cost with the turn's result (and zero until then) reports none when it is cut off: its last usage then gets the estimate for
 * everything before.
 */
export class TurnCost {
  #model: string | null
  /** Estimated cost of the usage so far whose cost may still come with the turn's result; null: unknown. */
  #untold: number | null = 0

  constructor(model: string | null) {
    this.#model = model
  }

  /** The model that answers, as far as known. */
  get model(): string | null {
    return this.#model
  }

  /** Takes the model that the agent reports; null: it reported none. */
  learn(model: string | null): void {
    this.#model = model ?? this.#model
  }

  /** Estimated cost in US dollars beyond what `of` has returned so far; null: unknown. */
  get untold(): number | null {
    return this.#untold
  }

  /** The cost of `usage` in US dollars, to be added to what earlier calls returned; null: unknown. */
  of(usage: Usage): number | null {
    const own = estimateCost(this.#model, usage)
    const all = own === null || this.#untold === null ? null : this.#untold + own
    this.#untold = usage.costUsd === 0 ? all : 0
    return usage.costUsd ?? all
  }
}
