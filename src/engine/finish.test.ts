import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { FINISH_REASONS } from './finish.ts'
import { memoryHistory } from './history/memory.ts'
import { jumpingClock, textOfRequest, tool, turn, type Reply } from './testing/world.ts'

const LOOK: Reply = { calls: [{ name: 'look' }] }
const look = tool({ name: 'look', effect: 'read' })

/** Reads of different things, so that they do not count as repetitions. */
function reading(count: number): Reply[] {
  return Array.from({ length: count }, (_, n) => ({ calls: [{ name: 'look', input: { n } }] }))
}

const SEEN = new Set<string>()

describe('a turn ends', () => {
  it('with max_steps after so many model calls, 50 unless said otherwise', async () => {
    const { report, requests } = await turn(reading(50), { tools: [look] })
    expect(report).toMatchObject({ finish: { reason: 'max_steps' }, steps: 50 })
    expect(requests).toHaveLength(50)
    const short = await turn(reading(2), { tools: [look], limits: { maxSteps: 2 } })
    expect(short.report).toMatchObject({ finish: { reason: 'max_steps' }, steps: 2 })
    // The calls of the last step were made: their results are there when the conversation is resumed.
    expect(short.entries.filter((entry) => (entry as { type: string }).type === 'tool_result')).toHaveLength(2)
    SEEN.add('max_steps')
  })

  it('with budget_tokens before the next call', async () => {
    const { report } = await turn([{ ...LOOK, usage: { input: 900, output: 100 } }], {
      tools: [look],
      limits: { budgetTokens: 1000 },
    })
    expect(report.finish).toMatchObject({ reason: 'budget_tokens', message: '1000 of 1000 tokens are used' })
    SEEN.add('budget_tokens')
  })

  it('with budget_usd before the next call', async () => {
    const { report } = await turn([{ ...LOOK, usage: { input: 900, output: 100 } }], {
      tools: [look],
      limits: { budgetUsd: 0.5 },
    })
    expect(report.finish).toMatchObject({ reason: 'budget_usd' })
    expect(report.usage.costUsd).toBe(1)
    SEEN.add('budget_usd')
  })

  it('with setup_error when money is limited and nobody knows what the model costs', async () => {
    const { report } = await turn([], { limits: { budgetUsd: 1 }, model: { priced: false } })
    expect(report).toMatchObject({ finish: { reason: 'setup_error' }, steps: 0 })
    const estimated = await turn([{ text: 'Done.' }], {
      limits: { budgetUsd: 1 },
      model: { priced: false },
      costOf: (name, { inputTokens }) => (name === 'm1' ? inputTokens / 1000 : null),
    })
    expect(estimated.report).toMatchObject({ finish: { reason: 'agent_done' }, usage: { costUsd: 0.1 } })
    SEEN.add('setup_error')
  })

  it('with timeout, also in the middle of a tool', async () => {
    const clock = jumpingClock()
    const started = Promise.withResolvers<void>()
    const timer = Promise.withResolvers<void>()
    const { report, entries } = await turn([LOOK], {
      tools: [
        tool({
          name: 'look',
          run: async (_, { signal }) => {
            started.resolve()
            timer.resolve()
            await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
            return { text: 'cut short', isError: true }
          },
        }),
      ],
      limits: { timeoutMs: 60_000 },
      clock: {
        ...clock,
        sleepUntil: async (at, signal) => {
          await timer.promise
          await clock.sleepUntil(at, signal)
        },
      },
    })
    await started.promise
    expect(report.finish.reason).toBe('timeout')
    expect(entries).toContainEqual(expect.objectContaining({ type: 'tool_result', text: 'cut short' }))
    SEEN.add('timeout')
  })

  it('with cancelled, and what was not run says so', async () => {
    const abort = new AbortController()
    const { report, entries } = await turn([{ calls: [{ name: 'stop' }, { name: 'stop' }] }], {
      tools: [
        tool({
          name: 'stop',
          run: () => {
            abort.abort()
            return { text: 'first' }
          },
        }),
      ],
      signal: abort.signal,
    })
    expect(report.finish.reason).toBe('cancelled')
    const results = entries.filter((entry) => (entry as { type: string }).type === 'tool_result')
    expect(results).toMatchObject([
      { text: 'first', skipped: false },
      { text: expect.stringContaining('the turn was ended before') as string, skipped: true },
    ])
    SEEN.add('cancelled')
  })

  it('with cancelled while the model works; what it said so far is kept, and never sent again', async () => {
    const abort = new AbortController()
    const history = memoryHistory()
    const { report } = await turn(
      [
        () => {
          abort.abort()
          return { text: 'Half an ans' }
        },
      ],
      { signal: abort.signal, history },
    )
    expect(report.finish.reason).toBe('cancelled')
    expect(history.entries).toContainEqual(expect.objectContaining({ type: 'partial' }))
    const again = await turn([{ text: 'Whole.' }], { history, task: 'Go on.' })
    expect(textOfRequest(again.requests[0] as never)).not.toContain('Half an ans')
  })

  it.each([
    [
      'quota',
      { kind: 'quota', retryable: false, retryAt: Date.parse('2026-11-21T15:00:00Z') },
      '2026-11-21T15:00:00.000Z',
    ],
    [
      'rate_limit',
      { kind: 'rate_limit', retryable: true, retryAt: Date.parse('2026-11-21T13:00:00Z') },
      '2026-11-21T13:00:00.000Z',
    ],
    ['auth', { kind: 'auth', retryable: false }, null],
    ['refused', { kind: 'refused', retryable: false }, null],
    ['error', { kind: 'invalid', retryable: false }, null],
  ] as const)('with %s when the service says so', async (reason, fail, retryAt) => {
    const { report, entries } = await turn([{ fail: { message: 'no', ...fail } }])
    expect(report.finish).toMatchObject({ reason, message: 'no', retryAt })
    expect(entries.at(-1)).toMatchObject({ type: 'finish', reason })
    SEEN.add(reason)
  })

  it('with doom_loop when it goes on after it was told, failing calls included', async () => {
    const failing = tool({ name: 'bash', run: () => ({ text: 'no such file', isError: true }) })
    const same: Reply = { calls: [{ name: 'bash', input: { command: 'cat x', timeout: 1 } }] }
    const { report, requests, events } = await turn([same, same, same, same, same], { tools: [failing] })
    expect(report).toMatchObject({ finish: { reason: 'doom_loop' }, steps: 5 })
    expect(textOfRequest(requests[2] as never)).not.toContain('times in a row')
    expect(textOfRequest(requests[3] as never)).toContain('the same call 3 times in a row with the same result')
    expect(events.filter((event) => event.type === 'warning')).toMatchObject([{ code: 'doom_loop' }])
    SEEN.add('doom_loop')
  })

  it('with invalid_output after two re-asks, and with the output when one fits', async () => {
    const schema = z.object({ n: z.number() })
    const outputCheck = (value: unknown): readonly string[] =>
      schema.safeParse(value).error?.issues.map(({ message }) => message) ?? []
    const never = await turn([{ text: '{"n":"x"}' }, { text: 'sorry' }, { text: '{"n":"y"}' }], { outputCheck })
    expect(never.report).toMatchObject({ finish: { reason: 'invalid_output' }, output: { n: 'y' }, steps: 3 })
    expect(textOfRequest(never.requests[1] as never)).toContain('expected number')
    expect(textOfRequest(never.requests[2] as never)).toContain('The answer is no JSON')
    const third = await turn([{ text: '{}' }, { text: '{}' }, { text: 'Here:\n```json\n{"n":3}\n```' }], {
      outputCheck,
    })
    expect(third.report).toMatchObject({ finish: { reason: 'agent_done' }, output: { n: 3 } })
    SEEN.add('invalid_output')
  })

  it('with error when answers stay empty or cut off', async () => {
    const { report, requests } = await turn([{}, { text: 'Half', stop: 'length' }, {}])
    expect(report.finish).toMatchObject({ reason: 'error', message: expect.stringContaining('empty') as string })
    expect(textOfRequest(requests[1] as never)).toContain('Your answer was empty')
    expect(textOfRequest(requests[2] as never)).toContain('cut off at its length limit')
  })

  it('with error when answers go on being cut off in the middle of calls', async () => {
    const cut: Reply = { calls: [{ name: 'look' }], stop: 'length' }
    const { report } = await turn([cut, cut, cut], { tools: [look] })
    expect(report).toMatchObject({ finish: { reason: 'error', message: expect.stringContaining('cut off') as string } })
    // A call that is made in between resets the count.
    const mended = await turn([cut, cut, LOOK, cut, cut, { text: 'Done.' }], { tools: [look] })
    expect(mended.report.finish.reason).toBe('agent_done')
  })

  it('not with calls of an answer that was cut off: they are not made', async () => {
    let made = 0
    const write = tool({ name: 'write', run: () => ({ text: String((made += 1)) }) })
    const { report, requests } = await turn([{ calls: [{ name: 'write' }], stop: 'length' }, { text: 'Done.' }], {
      tools: [write],
    })
    expect(report.finish.reason).toBe('agent_done')
    expect(made).toBe(0)
    expect(textOfRequest(requests[1] as never)).toContain('the answer was cut off')
  })

  it('in every way that there is a word for', () => {
    expect([...SEEN, 'agent_done'].sort()).toEqual([...FINISH_REASONS].sort())
  })
})

describe('a failing service', () => {
  const busy: Reply = { fail: { kind: 'rate_limit', message: 'overloaded' } }

  it('is asked again, with growing waits', async () => {
    const clock = jumpingClock()
    const { report, events } = await turn([busy, busy, { text: 'Done.' }], { clock })
    expect(report).toMatchObject({ finish: { reason: 'agent_done' }, steps: 1 })
    const waits = events.flatMap((event) => (event.type === 'retry' ? [event.delayMs] : []))
    expect(waits).toHaveLength(2)
    expect(waits[0]).toBeGreaterThanOrEqual(750)
    expect(waits[0]).toBeLessThanOrEqual(1000)
    expect(waits[1]).toBeGreaterThanOrEqual(1500)
    expect(clock.waits).toEqual(waits)
  })

  it('is given the time that it asks for', async () => {
    const clock = jumpingClock()
    const retryAt = clock.now() + 7000
    await turn([{ fail: { kind: 'rate_limit', retryAt } }, { text: 'Done.' }], { clock })
    expect(clock.waits).toEqual([7000])
  })

  it('is given up in the end', async () => {
    const { report } = await turn([busy, busy, busy, busy])
    expect(report.finish).toMatchObject({ reason: 'rate_limit', message: 'overloaded' })
  })

  it('that drops the stream in the middle is asked again; the broken answer is kept, paid for and not sent', async () => {
    const broken: Reply = {
      fail: { message: 'terminated' },
      partial: { text: 'Let me', usage: { input: 50, output: 3 } },
    }
    const { report, entries, requests, events } = await turn([broken, { text: 'Done.' }])
    expect(report).toMatchObject({ finish: { reason: 'agent_done' }, usage: { inputTokens: 150, outputTokens: 13 } })
    expect(entries).toContainEqual(expect.objectContaining({ type: 'partial', reason: 'terminated' }))
    expect(textOfRequest(requests[1] as never)).not.toContain('Let me')
    expect(events).toContainEqual(expect.objectContaining({ type: 'said', text: 'Let me', status: 'failed' }))
  })

  it('is not asked again when the broken answer used up the budget', async () => {
    const broken: Reply = { fail: { message: 'terminated' }, partial: { text: 'x', usage: { input: 500, output: 3 } } }
    const { report } = await turn([broken], { limits: { budgetTokens: 400 } })
    expect(report.finish.reason).toBe('budget_tokens')
  })

  it('is not waited for when the turn is ended meanwhile', async () => {
    const abort = new AbortController()
    const clock = jumpingClock()
    const waiting = {
      ...clock,
      sleepUntil: (_: number, signal?: AbortSignal): Promise<void> => {
        abort.abort()
        return Promise.reject(signal?.reason as Error)
      },
    }
    const { report } = await turn([busy], { clock: waiting, signal: abort.signal })
    expect(report.finish.reason).toBe('cancelled')
  })
})
