import type { AssistantMessage } from '@earendil-works/pi-ai'
import type { Usage } from '../../core/words.ts'

/** The cost of tokens for a model that the catalog has no price for; null: unknown. */
export type CostOf = (model: string, usage: Usage) => number | null

/** What an answer used. `priced`: the catalog knows the model's prices; otherwise `costOf` is asked. */
export function usageOf({ usage, model }: AssistantMessage, priced: boolean, costOf: CostOf): Usage {
  const tokens = {
    inputTokens: usage.input + usage.cacheRead + usage.cacheWrite,
    outputTokens: usage.output,
    cacheReadTokens: usage.cacheRead,
    cacheWriteTokens: usage.cacheWrite,
  }
  return { ...tokens, costUsd: priced ? usage.cost.total : costOf(model, { ...tokens, costUsd: null }) }
}
