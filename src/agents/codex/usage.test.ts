import { expect, it } from 'vitest'
import type { ThreadTokenUsageUpdatedNotification } from './protocol.gen.ts'
import { UsageMeter } from './usage.ts'

/** Half of the input was read from the cache, a tenth was written to it. */
function report(threadId: string, turnId: string, input: number, output: number, lastInput = 0, lastOutput = 0) {
  const breakdown = (inputTokens: number, outputTokens: number) => ({
    totalTokens: inputTokens + outputTokens,
    inputTokens,
    outputTokens,
    cachedInputTokens: inputTokens / 2,
    cacheWriteInputTokens: inputTokens / 10,
    reasoningOutputTokens: 0,
  })
  const tokenUsage = {
    total: breakdown(input, output),
    last: breakdown(lastInput, lastOutput),
    modelContextWindow: null,
  }
  return { threadId, turnId, tokenUsage } satisfies ThreadTokenUsageUpdatedNotification
}

const used = (inputTokens: number, outputTokens: number) => ({
  inputTokens,
  outputTokens,
  costUsd: null,
  cacheReadTokens: inputTokens / 2,
  cacheWriteTokens: inputTokens / 10,
})

it('counts what was added to the total, and nothing twice', () => {
  const meter = new UsageMeter(null)
  expect(meter.add(report('t', '1', 100, 10), '1')).toEqual(used(100, 10))
  expect(meter.add(report('t', '1', 100, 10, 100, 10), '1')).toBeNull()
  expect(meter.add(report('t', '1', 150, 30), '1')).toEqual(used(50, 20))
})

it('does not count what a resumed thread used before', () => {
  const meter = new UsageMeter('t')
  expect(meter.add(report('t', '1', 1000, 100), null)).toBeNull()
  expect(meter.add(report('t', '2', 1100, 110), '2')).toEqual(used(100, 10))
})

it('counts the last request only when a resumed thread did not say what it used before', () => {
  const meter = new UsageMeter('t')
  expect(meter.add(report('t', '2', 1100, 110, 100, 10), '2')).toEqual(used(100, 10))
})

it('counts the threads of sub-agents on their own', () => {
  const meter = new UsageMeter(null)
  expect(meter.add(report('t', '1', 100, 10), '1')).toEqual(used(100, 10))
  expect(meter.add(report('sub', '9', 40, 4), '1')).toEqual(used(40, 4))
  expect(meter.add(report('t', '1', 120, 12), '1')).toEqual(used(20, 2))
})

it('goes on when a total starts again', () => {
  const meter = new UsageMeter(null)
  meter.add(report('t', '1', 1000, 10), '1')
  expect(meter.add(report('t', '1', 50, 5), '1')).toEqual(used(50, 5))
})
