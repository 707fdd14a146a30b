import type { Usage } from '../../core/words.ts'

/**
 * The usage of one or several turns: `2 steps, 220 tokens, $0.0012`. If an agent reports no tokens, they are unknown, not zero.
 */
export function usageText(steps: number, { inputTokens, outputTokens, costUsd }: Usage): string {
  const tokens = inputTokens + outputTokens
  const isTold = tokens > 0 || (costUsd ?? 0) > 0
  const cost = costUsd === null || !isTold ? '' : `, $${costUsd.toFixed(4)}`
  return `${steps} ${steps === 1 ? 'step' : 'steps'}, ${isTold ? `${tokens} tokens` : 'tokens unknown'}${cost}`
}
