import type { Usage } from '../../core/words.ts'
import type { ThreadTokenUsageUpdatedNotification, TokenUsageBreakdown } from './protocol.gen.ts'

const NONE = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, cacheWriteInputTokens: 0 }

/**
 * Turns codex's running totals per thread into increments. Adds up totals only, because `last` is repeated when nothing new was
 * used. Codex knows no prices, so the cost is always null.
 */
export class UsageMeter {
  readonly #seen = new Map<string, TokenUsageBreakdown>()
  readonly #resumed: string | null

  /** `resumed`: the thread that the turn resumes; its earlier usage does not count. */
  constructor(resumed: string | null) {
    this.#resumed = resumed
  }

  /**
   * Usage since the previous report for the same thread; null: none. `turn` is this turn's id; null: the turn has not started.
   * A resumed thread first reports the state that it starts from.
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
  // Some versions reset their totals after a compaction: everything they report then is new.
  const restarted = before !== undefined && total.totalTokens < before.totalTokens
  const base = before === undefined || restarted ? NONE : before
  const since = (key: keyof typeof NONE): number => Math.max(0, total[key] - base[key])
  const [inputTokens, outputTokens] = [since('inputTokens'), since('outputTokens')]
  if (inputTokens + outputTokens === 0) return null
  const [cacheReadTokens, cacheWriteTokens] = [since('cachedInputTokens'), since('cacheWriteInputTokens')]
  return { inputTokens, outputTokens, costUsd: null, cacheReadTokens, cacheWriteTokens }
}
