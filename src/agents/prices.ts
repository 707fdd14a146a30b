import type { Usage } from '../core/words.ts'

/** When the table was last checked against the providers' price lists. */
export const PRICES_OF = '2026-11-21'

/** US dollars per million tokens at the standard tier, for requests of usual length (up to about 200,000 tokens). */
interface Price {
  readonly input: number
  readonly output: number
  /** Input that the provider reads from its cache. */
  readonly cacheRead: number
  /** Input that the provider writes to its cache; equal to `input` where writing costs nothing extra. */
  readonly cacheWrite: number
}

function price(input: number, output: number, cacheRead: number, cacheWrite = input): Price {
  return { input, output, cacheRead, cacheWrite }
}

/** By the model's name without its date. Sources: OpenAI's and Anthropic's public price lists. */
const PRICES: ReadonlyMap<string, Price> = new Map([
  ['gpt-6.1-sol', price(2, 10, 0.1, 2.5)],
  ['gpt-6.1-terra', price(1, 5, 0.05, 1.25)],
  ['gpt-6-astra', price(10, 50, 1, 12.5)],
  ['gpt-6-sol', price(2, 10, 0.2, 2.5)],
  ['gpt-6-luna', price(0.1, 0.5, 0.01, 0.125)],
  ['gpt-5.6-sol', price(5, 30, 0.5, 6.25)],
  ['gpt-5.6-terra', price(2, 12, 0.2, 2.5)],
  ['gpt-5.6-luna', price(0.2, 1.2, 0.02, 0.25)],
  ['gpt-5.5-pro', price(30, 180, 30)],
  ['gpt-5.5', price(5, 30, 0.5)],
  ['gpt-5.4-pro', price(30, 180, 30)],
  ['gpt-5.4', price(2.5, 15, 0.25)],
  ['gpt-5.4-mini', price(0.75, 4.5, 0.075)],
  ['gpt-5.4-nano', price(0.2, 1.25, 0.02)],
  ['gpt-5.3-codex', price(1.75, 14, 0.175)],
  ['gpt-5.2-codex', price(1.75, 14, 0.175)],
  ['gpt-5.2', price(1.75, 14, 0.175)],
  ['gpt-5.1-codex-max', price(1.25, 10, 0.125)],
  ['gpt-5.1-codex', price(1.25, 10, 0.125)],
  ['gpt-5.1', price(1.25, 10, 0.125)],
  ['gpt-5-codex', price(1.25, 10, 0.125)],
  ['gpt-5', price(1.25, 10, 0.125)],
  ['gpt-5-mini', price(0.25, 2, 0.025)],
  // Claude Code reports the cost itself, except for a turn that is cut off.
  ['claude-fable-5', price(10, 50, 1, 12.5)],
  ['claude-opus-5-5', price(4, 20, 0.2, 5)],
  ['claude-opus-5', price(5, 25, 0.5, 6.25)],
  ['claude-opus-4-8', price(5, 25, 0.5, 6.25)],
  ['claude-opus-4-7', price(5, 25, 0.5, 6.25)],
  ['claude-opus-4-6', price(5, 25, 0.5, 6.25)],
  ['claude-opus-4-5', price(5, 25, 0.5, 6.25)],
  ['claude-sonnet-5', price(2, 10, 0.2, 2.5)],
  ['claude-sonnet-4-6', price(3, 15, 0.3, 3.75)],
  ['claude-sonnet-4-5', price(3, 15, 0.3, 3.75)],
  ['claude-haiku-5-5', price(0.1, 0.5, 0.01, 0.125)],
  ['claude-haiku-4-5', price(1, 5, 0.1, 1.25)],
])

/** A date (`-2026-04-01` or `-20260401`), and the suffix that Claude Code adds for a longer context. */
const SUFFIX = /(?:-\d{4}-\d{2}-\d{2}|-\d{8})?(?:\[\w+\])?$/

/**
 * The estimated cost of `usage` in US dollars; null: the model is not in the table, and a similar name may have another price.
 * Fast and batch tiers, very long requests and a plan's flat price are not taken into account.
 */
export function estimateCost(model: string | null, usage: Usage): number | null {
  const found = priceOf(model)
  if (!found) return null
  const { inputTokens, outputTokens, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage
  const fresh = Math.max(0, inputTokens - cacheReadTokens - cacheWriteTokens)
  const { input, output, cacheRead, cacheWrite } = found
  const millionths = fresh * input + cacheReadTokens * cacheRead + cacheWriteTokens * cacheWrite + outputTokens * output
  return millionths / 1_000_000
}

/** Whether the table has a price for this model. */
export function hasPrice(model: string | null): boolean {
  return priceOf(model) !== undefined
}

function priceOf(model: string | null): Price | undefined {
  return model === null ? undefined : PRICES.get(model.replace(SUFFIX, ''))
}
