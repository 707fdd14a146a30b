import type { Usage } from '../../core/words.ts'
import type { ThreadTokenUsageUpdatedNotification, TokenUsageBreakdown } from './protocol.gen.ts'

const NONE = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, cacheWriteInputTokens: 0 }

/**
 * Turns the running totals that codex reports per thread into increments. Only totals are added up: `last` is sent again
 * when nothing new was used. Codex knows no prices: the cost is always null.
 */
export class UsageMeter {
  readonly #seen = new Map<string, TokenUsageBreakdown>()
  readonly #resumed: string | null

  /** `resumed`: the thread that is taken up again; what it used before this turn is not this turn's. */
  constructor(resumed: string | null) {
    this.#resumed = resumed
  }

  /**
   * What was used since the last report of the same thread; null when nothing was. `turn` is this turn's id, null before it
   * began: a report from before it is the state that a resumed thread starts from.
   */
  add(
    { threadId, turnId, tokenUsage: { total, last } }: ThreadTokenUsageUpdatedNotification,
    turn: string | null,
  ): Usage | null {
    const before = this.#seen.get(threadId)
    this.#seen.set(threadId, total)
    if (threadId !== this.#resumed) return increment(total, before)
    if (before !== undefined) return increment(total, before)
    return turn === null || turnId !== turn ? null : increment(last, undefined)
  }
}

function increment(total: TokenUsageBreakdown, before: TokenUsageBreakdown | undefined): Usage | null {
  // Totals start again after a compaction in some versions: then what is reported is all new.
  const restarted = before !== undefined && total.totalTokens < before.totalTokens
  const base = before === undefined || restarted ? NONE : before
  const since = (key: keyof typeof NONE): number => Math.max(0, total[key] - base[key])
  const [inputTokens, outputTokens] = [since('inputTokens'), since('outputTokens')]
  if (inputTokens + outputTokens === 0) return null
  const [cacheReadTokens, cacheWriteTokens] = [since('cachedInputTokens'), since('cacheWriteInputTokens')]
  return { inputTokens, outputTokens, costUsd: null, cacheReadTokens, cacheWriteTokens }
}
