import { describe, expect, it } from 'vitest'
import { UsageMeter } from './usage.ts'

const start = (id: string, input: number) => ({
  event: {
    type: 'message_start',
    message: { id, usage: { input_tokens: input, cache_read_input_tokens: 5, output_tokens: 1 } },
  },
})
const delta = (id: string, output: number) => ({
  api_message_id: id,
  event: { type: 'message_delta', usage: { output_tokens: output } },
})
const since = (inputTokens: number, outputTokens: number, costUSD: number) => ({
  total_cost_usd: 9,
  model_usage_since_last_result: { m: { inputTokens, outputTokens, costUSD } },
})

function usage(inputTokens: number, outputTokens: number, costUsd: number | null, cacheReadTokens = 0) {
  return { type: 'usage', usage: { inputTokens, outputTokens, costUsd, cacheReadTokens, cacheWriteTokens: 0 } }
}

describe('UsageMeter', () => {
  it('tells tokens as messages end, and the rest with the cost', () => {
    const meter = new UsageMeter(false)
    expect([...meter.onStreamEvent(start('a', 10))]).toEqual([])
    expect([...meter.onStreamEvent(delta('a', 7))]).toEqual([usage(15, 7, 0, 5)])
    expect([...meter.onResult(since(40, 9, 0.5))]).toEqual([usage(25, 2, 0.5)])
    expect([...meter.onCutOff()]).toEqual([])
  })

  it('counts a second result from the first', () => {
    const meter = new UsageMeter(false)
    expect([...meter.onResult(since(10, 1, 0.1))]).toEqual([usage(10, 1, 0.1)])
    expect([...meter.onResult(since(20, 2, 0.2))]).toEqual([usage(20, 2, 0.2)])
  })

  it('does not know the cost of a turn that was cut off', () => {
    const meter = new UsageMeter(false)
    expect([...meter.onStreamEvent(start('a', 10))]).toEqual([])
    expect([...meter.onCutOff()]).toEqual([usage(15, 1, null, 5)])
    const other = new UsageMeter(false)
    expect([...other.onStreamEvent(start('a', 10)), ...other.onStreamEvent(delta('a', 7))]).toEqual([
      usage(15, 7, 0, 5),
    ])
    expect([...other.onCutOff()]).toEqual([usage(0, 0, null)])
  })

  it('takes an older total for the cost of a new conversation only', () => {
    const old = { total_cost_usd: 0.3, usage: { input_tokens: 3, output_tokens: 4 } }
    expect([...new UsageMeter(false).onResult(old)]).toEqual([usage(3, 4, 0.3)])
    expect([...new UsageMeter(true).onResult(old)]).toEqual([usage(3, 4, null)])
  })
})
