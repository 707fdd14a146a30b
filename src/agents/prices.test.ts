import { describe, expect, it } from 'vitest'
import { PRICES_OF, estimateCost, hasPrice } from './prices.ts'

const million = { inputTokens: 1_000_000, outputTokens: 1_000_000, costUsd: null }

describe('estimateCost', () => {
  it.each([
    ['gpt-5.5', 35],
    ['gpt-5.5-2026-04-23', 35],
    ['gpt-5.5-pro', 210],
    ['gpt-5.3-codex', 15.75],
    ['gpt-6.1-terra', 6],
    ['claude-opus-4-6', 30],
    ['claude-opus-4-5-20251101', 30],
    ['claude-sonnet-4-6[1m]', 18],
  ])('knows what a million tokens each way of %s cost', (model, usd) => {
    expect(estimateCost(model, million)).toBeCloseTo(usd, 9)
    expect(hasPrice(model)).toBe(true)
  })

  it('takes cached input for what it costs, and never counts it twice', () => {
    const usage = { inputTokens: 1_000_000, outputTokens: 0, costUsd: null }
    expect(estimateCost('gpt-5.5', { ...usage, cacheReadTokens: 900_000 })).toBeCloseTo(0.5 + 0.45, 9)
    expect(estimateCost('gpt-6-sol', { ...usage, cacheWriteTokens: 1_000_000 })).toBeCloseTo(2.5, 9)
    expect(estimateCost('gpt-5.5', { ...usage, cacheReadTokens: 2_000_000 })).toBeCloseTo(1, 9)
  })

  it.each([null, '', 'gpt', 'gpt-5.5-turbo', 'my-gpt-5.5', 'gpt-5.55', 'claude', 'llama-4'])(
    'does not guess a price for %j',
    (model) => {
      expect(estimateCost(model, million)).toBeNull()
      expect(hasPrice(model)).toBe(false)
    },
  )

  it('says of when it is', () => {
    expect(PRICES_OF).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  })
})
