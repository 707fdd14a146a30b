import { describe, expect, it } from 'vitest'
import type { AnswerForm } from './model/answer-form.ts'
import { textOfRequest, tool, turn } from './testing/world.ts'

const outputCheck = (value: unknown): readonly string[] =>
  typeof (value as { n?: unknown }).n === 'number' ? [] : ['/n: must be number']
const form = (when: AnswerForm['when']): AnswerForm => ({ when, into: (payload) => payload })
const look = tool({ name: 'look', effect: 'read' })
const FITS = { text: '{"n":1}' }

describe('an answer that is held to a schema', () => {
  it('with every request; a summary of the conversation is not held to it', async () => {
    const long = 'x '.repeat(4000)
    const { requests, report } = await turn(
      [
        ...[1, 2, 3].map((n) => ({
          text: long,
          calls: [{ name: 'look', input: { n } }],
          usage: { input: n * 4000, output: 10 },
        })),
        { text: 'what was done' },
        FITS,
      ],
      { outputCheck, outputForm: form('every'), tools: [look], model: { contextWindow: 12_000, maxAnswer: 1000 } },
    )
    expect(report.output).toEqual({ n: 1 })
    const summary = requests.findIndex(({ tools }) => tools.length === 0)
    expect(requests.map((request, n) => [n === summary, request.form === null])).toEqual(
      requests.map((_, n) => [n === summary, n === summary]),
    )
    expect(summary).toBeGreaterThan(0)
  })

  it('only when it is asked for again, without tools; and not when somebody says something meanwhile', async () => {
    const said = { release: (): void => {} }
    async function* steer() {
      await new Promise<void>((resolve) => (said.release = resolve))
      yield 'look again first'
    }
    const { requests } = await turn(
      [{ text: 'done' }, { text: 'still done' }, { calls: [{ name: 'look' }] }, FITS].map((reply, n) => async () => {
        if (n === 1) {
          said.release()
          await new Promise((resolve) => setImmediate(resolve))
        }
        return reply
      }),
      { outputCheck, outputForm: form('again'), tools: [look], steer: steer() },
    )
    expect(requests.map(({ form: held, tools }) => [held !== null, tools.length])).toEqual([
      [false, 1],
      [true, 0],
      [false, 1],
      [false, 1],
    ])
    expect(textOfRequest(requests[2] as never)).toContain('look again first')
  })

  it('is not, from the first refusal on; what is refused without it as well is told as it is', async () => {
    const refused = { fail: { kind: 'invalid', retryable: false, message: 'output_config: extra inputs' } } as const
    const { events, requests, report } = await turn([refused, { text: 'no' }, FITS], {
      outputCheck,
      outputForm: form('every'),
    })
    expect(report).toMatchObject({ finish: { reason: 'agent_done' }, steps: 2 })
    expect(requests.map(({ form: held }) => held !== null)).toEqual([true, false, false])
    expect(events.filter(({ type }) => type === 'warning')).toEqual([
      {
        type: 'warning',
        code: 'output_schema',
        message: expect.stringContaining('(output_config: extra inputs)') as string,
      },
    ])
    const other = { fail: { kind: 'invalid', retryable: false, message: 'no such model' } } as const
    const both = await turn([refused, other], { outputCheck, outputForm: form('every') })
    expect(both.report.finish).toMatchObject({ reason: 'error', message: 'no such model' })
    expect(both.events.filter(({ type }) => type === 'warning')).toEqual([])
  })

  it('a server that fails on the schema is asked without it, one that only fails is not', async () => {
    const fails = (message: string) => ({ fail: { kind: 'provider', retryable: false, message } }) as const
    const { report } = await turn([fails('failed to parse grammar'), FITS], { outputCheck, outputForm: form('every') })
    expect(report.finish.reason).toBe('agent_done')
    const down = await turn([fails('out of memory')], { outputCheck, outputForm: form('every') })
    expect(down.report.finish.reason).toBe('error')
  })
})
