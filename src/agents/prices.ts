import type { Usage } from '../core/words.ts'

/** US dollars per million tokens, as providers published them on the given date. Estimates: caching and discounts are not counted. */
export const PRICES_OF = '2026-11-21'

const PRICES: readonly { readonly model: RegExp; readonly input: number; readonly output: number }[] = [
  { model: /^gpt-5\.5-pro(-\d|$)/, input: 30, output: 180 },
  { model: /^gpt-5\.5(-\d|$)/, input: 5, output: 30 },
  { model: /^gpt-5\.[23](-codex)?(-\d|$)/, input: 1.75, output: 14 },
  { model: /^gpt-5(-codex)?(-\d|$)/, input: 1.25, output: 10 },
]

/** What `usage` costs by the price table, or null when the model is not in it. */
export function estimateCost(model: string | null, usage: Usage): number | null {
  if (model === null) return null
  const price = PRICES.find((one) => one.model.test(model))
  if (!price) return null
  return (usage.inputTokens * price.input + usage.outputTokens * price.output) / 1_000_000
}

/** Whether the price table knows this model. */
export function hasPrice(model: string | null): boolean {
  return estimateCost(model, { inputTokens: 0, outputTokens: 0, costUsd: null }) !== null
}
