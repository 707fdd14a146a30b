import type { TurnEvent } from '../port.ts'
import { asAmount, asFrame, type Frame } from '../stdio/index.ts'

/**
 * Collects the usage that an agent reports: tokens with the result of a prompt (`usage`, or Gemini's `_meta.quota`), cost as a
 * running total of the session (`usage_update`). Emitted once, at the end of the turn.
 */
export class UsageMeter {
  readonly #resumed: boolean
  #costBefore: number | null = null
  #cost: number | null = null

  /** `resumed`: the first reported total includes earlier turns; only the increase counts for this turn. */
  constructor(resumed: boolean) {
    this.#resumed = resumed
  }

  /** `live`: the prompt was sent; updates before that belong to earlier turns. */
  onUpdate(update: Frame, live: boolean): void {
    const { amount, currency } = asFrame(update.cost)
    if (typeof amount !== 'number' || (currency !== undefined && currency !== 'USD')) return
    if (!live) this.#costBefore = amount
    else this.#cost = amount
  }

  *onEnd(result: Frame): Generator<TurnEvent> {
    const tokens = tokensOf(result)
    const cost = this.#cost === null ? null : this.#costOfTurn(this.#cost)
    if (tokens === null && cost === null) return
    const used = tokens ?? { inputTokens: 0, outputTokens: 0 }
    yield { type: 'usage', usage: { ...used, costUsd: cost } }
  }

  #costOfTurn(total: number): number | null {
    if (this.#costBefore !== null) return Math.max(0, total - this.#costBefore)
    return this.#resumed ? null : total
  }
}

function tokensOf(result: Frame) {
  const usage = asFrame(result.usage)
  const meta = asFrame(asFrame(asFrame(result['_meta']).quota).token_count)
  const cacheReadTokens = asAmount(usage.cachedReadTokens)
  const cacheWriteTokens = asAmount(usage.cachedWriteTokens)
  const inputTokens = asAmount(usage.inputTokens) + cacheReadTokens + cacheWriteTokens
  const outputTokens = asAmount(usage.outputTokens) + asAmount(usage.thoughtTokens)
  if (inputTokens + outputTokens > 0) return { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }
  const [input, output] = [asAmount(meta.input_tokens), asAmount(meta.output_tokens)]
  return input + output > 0 ? { inputTokens: input, outputTokens: output } : null
}
