import type { Usage } from '../core/words.ts'
import { estimateCost } from './prices.ts'

/**
 * What one turn of an agent costs, usage by usage: as the agent says, else by the price table. An agent that tells its cost with
 * the turn's result (zero until then) tells nothing when it is cut off: its last usage is then the estimate of all before it.
 */
export class TurnCost {
  #model: string | null
  /** Estimated cost of what was used so far and whose cost comes with the turn's result, if ever; null: not known. */
  #untold: number | null = 0

  constructor(model: string | null) {
    this.#model = model
  }

  /** The model that answers, as far as it is known. */
  get model(): string | null {
    return this.#model
  }

  /** The agent has said which model it uses; null: it did not. */
  learn(model: string | null): void {
    this.#model = model ?? this.#model
  }

  /** Estimated US dollars used beyond what `of` has returned so far; null: not known. */
  get untold(): number | null {
    return this.#untold
  }

  /** The cost of `usage` in US dollars, to be added to what earlier calls returned; null: nobody knows. */
  of(usage: Usage): number | null {
    const own = estimateCost(this.#model, usage)
    const all = own === null || this.#untold === null ? null : this.#untold + own
    this.#untold = usage.costUsd === 0 ? all : 0
    return usage.costUsd ?? all
  }
}
