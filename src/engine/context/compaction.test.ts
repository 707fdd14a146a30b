import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readEntries, type Entry } from '../history/entries.ts'
import { memoryHistory } from '../history/memory.ts'
import { viewOf } from '../history/view.ts'
import { message, textOfRequest, tool, turn, type Reply } from '../testing/world.ts'
import type { ModelRequest } from '../model/call.ts'
import { estimateFixed, estimateText, sizeOf } from './estimate.ts'
import { safeCut, sizesFor, tailStart } from './plan.ts'

const WINDOW = 32_768
const small = { contextWindow: WINDOW, maxAnswer: 4096 }

/** Text of about `tokens` tokens that begins with `seed`. */
function words(tokens: number, seed = 'w'): string {
  return `${seed} begins; `.padEnd(Math.ceil(tokens * 3.5), 'and on ')
}

function isSummary(request: ModelRequest): boolean {
  return request.tools.length === 0
}

function size(request: ModelRequest): number {
  const seen = request.messages.map((one, index) => ({ message: one, index }))
  return sizeOf(seen, estimateFixed(request.system, request.tools), Number.MAX_SAFE_INTEGER)
}

/** Expects every call to be followed directly by its results, and no result without its call. */
function expectPaired({ messages }: Pick<ModelRequest, 'messages'>): void {
  let open: string[] = []
  for (const one of messages) {
    if (one.role === 'toolResult') {
      expect(open).toContain(one.toolCallId)
      open = open.filter((id) => id !== one.toolCallId)
      continue
    }
    expect(open).toEqual([])
    if (one.role === 'assistant') open = one.content.flatMap((part) => (part.type === 'toolCall' ? [part.id] : []))
  }
  expect(open).toEqual([])
}

const reader = (tokens: number) =>
  tool({ name: 'read', effect: 'read', run: ({ n }) => ({ text: words(tokens, `r${String(n)}`) }) })

function reads(count: number): Reply[] {
  return Array.from({ length: count }, (_, n) => ({ text: `Reading ${n}.`, calls: [{ name: 'read', input: { n } }] }))
}

describe('a long conversation', () => {
  it('at a 32k window leaves out old tool output first, and pays for no summary', async () => {
    const { report, requests, events } = await turn([...reads(12), { text: 'Done.' }], {
      tools: [reader(4000)],
      model: small,
    })
    expect(report.finish.reason).toBe('agent_done')
    const compactions = events.flatMap((event) => (event.type === 'compaction' ? [event] : []))
    expect(compactions.length).toBeGreaterThan(1)
    expect(new Set(compactions.map(({ method }) => method))).toEqual(new Set(['prune']))
    for (const { tokensBefore, tokensAfter } of compactions) expect(tokensAfter).toBeLessThan(tokensBefore * 0.8)
    for (const request of requests) {
      expect(size(request)).toBeLessThan(WINDOW)
      expectPaired(request)
      expect(textOfRequest(request)).toContain('Fix the leak.')
    }
    const last = textOfRequest(requests.at(-1) as ModelRequest)
    expect(last).toContain('Belay left out')
    expect(last).toContain('r11 begins') // the newest result is whole
  })

  it('keeps everything in the history', async () => {
    const history = memoryHistory()
    await turn([...reads(12), { text: 'Done.' }], { tools: [reader(4000)], model: small, history })
    const results = readEntries(history.entries).flatMap((entry) => (entry?.type === 'tool_result' ? [entry.text] : []))
    expect(results).toEqual(Array.from({ length: 12 }, (_, n) => words(4000, `r${n}`)))
  })

  it('is summarised when leaving out is not enough, at a safe place, with the task in the user’s words', async () => {
    const said: Reply[] = Array.from(
      { length: 11 },
      (_, n) => (request: ModelRequest) =>
        isSummary(request)
          ? { text: 'THE NOTE: nine were done.' }
          : { text: words(3000, `s${n}`), calls: [{ name: 'mark', input: { n } }] },
    )
    const { requests, events, report } = await turn([...said, { text: 'Done.' }], {
      tools: [tool({ name: 'mark' })],
      model: small,
    })
    expect(report.finish.reason).toBe('agent_done')
    const summaries = requests.filter(isSummary)
    expect(summaries).toHaveLength(1)
    expect(size(summaries[0] as ModelRequest)).toBeLessThan(WINDOW)
    expect(textOfRequest(summaries[0] as ModelRequest)).toContain('[call mark] {"n":3}')
    expect(events).toContainEqual(expect.objectContaining({ type: 'compaction', method: 'model' }))
    expect(events.filter((event) => event.type === 'usage' && event.purpose === 'compaction')).toHaveLength(1)
    const after = requests.at(-1) as ModelRequest
    expect(after.messages[0]?.role).toBe('user')
    expect(textOfRequest(after)).toContain('THE NOTE: nine were done.')
    expect(textOfRequest(after)).toContain('<user_said>\nFix the leak.')
    for (const request of requests) expectPaired(request)
  })

  it('goes on with a list of what was done when no summary can be had, and says so', async () => {
    const replies: Reply[] = Array.from(
      { length: 12 },
      (_, n) => (request: ModelRequest) =>
        isSummary(request)
          ? { fail: { kind: 'invalid', retryable: false, message: 'no summaries today' } }
          : n === 11
            ? { text: 'Done.' }
            : { text: words(3000, `s${n}`), calls: [{ name: 'mark', input: { n } }] },
    )
    const marking = tool({ name: 'mark', run: ({ n }) => ({ changed: [`f${String(n)}.txt`] }) })
    const { events, requests, report } = await turn(replies, { tools: [marking], model: small })
    expect(report.finish.reason).toBe('agent_done')
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        code: 'compaction_failed',
        message: expect.stringContaining('no summaries today') as string,
      }),
    )
    expect(events).toContainEqual(expect.objectContaining({ type: 'compaction', method: 'listing' }))
    expect(textOfRequest(requests.at(-1) as ModelRequest)).toMatch(/- mark: \d calls[\s\S]*- f0\.txt/)
  })

  it('is not made longer by its own summary, however much the model says', async () => {
    const replies: Reply[] = Array.from(
      { length: 11 },
      (_, n) => (request: ModelRequest) =>
        isSummary(request)
          ? { text: words(60_000, 'NOTE') }
          : { text: words(3000, `s${n}`), calls: [{ name: 'mark', input: { n } }] },
    )
    const { requests, events, report } = await turn([...replies, { text: 'Done.' }], {
      tools: [tool({ name: 'mark' })],
      model: small,
      allowUnasked: true,
    })
    expect(report.finish.reason).toBe('agent_done')
    for (const request of requests) expect(size(request)).toBeLessThan(WINDOW)
    const summaries = events.flatMap((event) =>
      event.type === 'compaction' && event.method === 'model' ? [event.tokensAfter / event.tokensBefore] : [],
    )
    expect(summaries.length).toBeGreaterThan(0)
    for (const left of summaries) expect(left).toBeLessThan(0.8)
  })

  it('whose summary uses up the budget ends there: nothing more is asked', async () => {
    const replies: Reply[] = Array.from(
      { length: 12 },
      (_, n) => (request: ModelRequest) =>
        isSummary(request)
          ? { text: 'THE NOTE', usage: { input: 900_000, output: 10 } }
          : { text: words(3000, `s${n}`), calls: [{ name: 'mark', input: { n } }] },
    )
    const { requests, report } = await turn(replies, {
      tools: [tool({ name: 'mark' })],
      model: small,
      limits: { budgetTokens: 500_000 },
      allowUnasked: true,
    })
    expect(report.finish.reason).toBe('budget_tokens')
    expect(requests.map(isSummary).indexOf(true)).toBe(requests.length - 1)
  })

  it('survives one answer that brings more than the window holds', async () => {
    const calls = Array.from({ length: 6 }, (_, n) => ({ name: 'read', input: { n } }))
    const { report, requests } = await turn([{ calls }, { text: 'Done.' }], { tools: [reader(8000)], model: small })
    expect(report.finish.reason).toBe('agent_done')
    expect(size(requests[1] as ModelRequest)).toBeLessThan(WINDOW)
    expect(textOfRequest(requests[1] as ModelRequest)).toContain('r0 begins')
    expectPaired(requests[1] as ModelRequest)
  })

  it('makes room when the provider refuses the size, and asks again once', async () => {
    const overflow: Reply = { fail: { kind: 'overflow', retryable: false, message: 'prompt is too long' } }
    const { report, events, requests } = await turn([...reads(4), overflow, { text: 'Done.' }], {
      tools: [reader(3000)],
      model: small,
    })
    expect(report.finish.reason).toBe('agent_done')
    expect(events).toContainEqual(expect.objectContaining({ type: 'compaction' }))
    expect(size(requests[5] as ModelRequest)).toBeLessThan(size(requests[4] as ModelRequest) / 1.5)
    const never = await turn([overflow], { model: small, allowUnasked: true })
    expect(never.report.finish.reason).toBe('error')
  })

  it('makes room of what it would else protect, when the provider refuses even that', async () => {
    // Only a little of the conversation is old output, and by any estimate all of it would fit.
    const said: Reply[] = Array.from({ length: 6 }, (_, n) => ({
      text: words(1500, `s${n}`),
      calls: [{ name: 'mark', input: { n } }],
    }))
    const overflow: Reply = { fail: { kind: 'overflow', retryable: false, message: 'prompt is too long' } }
    const { report, requests } = await turn([...said, overflow, { text: 'THE NOTE' }, { text: 'Done.' }], {
      tools: [tool({ name: 'mark' })],
      model: small,
    })
    expect(report.finish.reason).toBe('agent_done')
    const [refused, , last] = requests.slice(-3) as [ModelRequest, ModelRequest, ModelRequest]
    expect(size(last)).toBeLessThan(size(refused) / 1.5)
    expect(textOfRequest(last)).toContain('THE NOTE')
    expect(textOfRequest(last)).toContain('s5 begins')
  })

  it('ends with an error when nothing helps', async () => {
    const { report } = await turn([], { task: words(40_000), model: small })
    expect(report.finish).toMatchObject({ reason: 'error', message: expect.stringContaining('does not fit') as string })
  })

  it('counts what the provider reports, where that can be believed', async () => {
    // Little text, but the provider reports a large size: images, or another tokenizer.
    const many = { input: 30_000, output: 100 }
    const { events } = await turn([{ calls: [{ name: 'read', input: { n: 0 } }], usage: many }, { text: 'Done.' }], {
      tools: [reader(10)],
      model: small,
      allowUnasked: true,
    })
    expect(events.some(({ type }) => type === 'run_complete')).toBe(true)
    const seen = [{ message: message({ text: 'x', usage: many }), index: 0 }]
    expect(sizeOf(seen, 10, -1)).toBe(30_100)
    expect(sizeOf(seen, 10, 0)).toBeLessThan(100) // reported before the view changed
    expect(
      sizeOf([{ message: message({ text: words(5000), usage: { input: 1, output: 1 } }), index: 0 }], 10, -1),
    ).toBeGreaterThan(4000)
  })
})

describe('sizes', () => {
  it('keep what is protected below what triggers, at any window', () => {
    for (const window of [8000, 32_768, 128_000, 200_000, 1_000_000]) {
      for (const answer of [1000, 8192, 64_000, 128_000]) {
        const { threshold, target, protect } = sizesFor(window, answer)
        expect(threshold).toBeLessThan(window)
        expect(target).toBeLessThan(threshold)
        expect(protect).toBeLessThan(target)
        expect(protect).toBeLessThanOrEqual(40_000)
      }
    }
  })

  it('are estimated over everything: prompt, tools, calls, results; and per character in other scripts', () => {
    expect(estimateText('a'.repeat(350))).toBe(100)
    expect(estimateText('漢'.repeat(100))).toBe(100)
    const picture = { type: 'image' as const, data: 'x', mimeType: 'image/png' }
    const shown = { role: 'user' as const, content: [picture], timestamp: 0 }
    expect(sizeOf([{ message: shown, index: 0 }], 0, 9)).toBeGreaterThan(1000)
    const call = message({ calls: [{ name: 'write', input: { content: words(1000) } }] })
    expect(sizeOf([{ message: call, index: 0 }], 0, 9)).toBeGreaterThan(900)
    expect(estimateFixed(words(500), [{ name: 't', description: words(500), parameters: {} }])).toBeGreaterThan(900)
  })
})

describe('a cut', () => {
  it('never parts a call from its result, wherever the tail begins', () => {
    const step = fc.record({ calls: fc.nat(3), text: fc.nat(3000) })
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 10, max: 20_000 }),
        (steps, protect) => {
          const entries: Entry[] = [{ type: 'user', at: '', source: 'task', text: 'task' }]
          for (const [n, { calls, text }] of steps.entries()) {
            const ids = Array.from({ length: calls }, (_, c) => `c${n}_${c}`)
            entries.push({
              type: 'assistant',
              at: '',
              message: message({ text: 'x'.repeat(text + 1), calls: ids.map((id) => ({ name: 't', id })) }),
            })
            for (const callId of ids)
              entries.push({
                type: 'tool_result',
                at: '',
                callId,
                tool: 't',
                text: 'r',
                isError: false,
                exitCode: null,
                changed: [],
                fullOutput: null,
                skipped: false,
              })
          }
          const seen = viewOf(entries)
          const cut = safeCut(seen, tailStart(seen, protect))
          if (cut === null) return
          const after = viewOf([
            ...entries,
            {
              type: 'compaction',
              at: '',
              summary: 's',
              keepFrom: cut.keepFrom,
              method: 'model',
              tokensBefore: 1,
              tokensAfter: 1,
            },
          ])
          expectPaired({ messages: after.map((one) => one.message) })
          // The tail is whole.
          expect(after.slice(1).map((one) => one.message)).toEqual(seen.slice(cut.at).map((one) => one.message))
          expect(cut.at).toBeLessThanOrEqual(Math.max(1, tailStart(seen, protect)))
        },
      ),
    )
  })
})

describe('a view', () => {
  it('refuses a history that it cannot read, and passes over kinds that it does not know', () => {
    expect(readEntries([{ type: 'from_the_future', x: 1 }])).toEqual([null])
    for (const bad of [
      null,
      'text',
      {},
      { type: 'user', text: 3, source: 'task' },
      { type: 'assistant', message: {} },
    ]) {
      expect(() => readEntries([bad])).toThrow(expect.objectContaining({ code: 'history_unreadable' }) as Error)
    }
  })
})
