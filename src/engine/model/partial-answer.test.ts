import type { AssistantMessage, AssistantMessageEvent } from '@earendil-works/pi-ai'
import { describe, expect, it } from 'vitest'
import { PartialAnswer } from './partial-answer.ts'

const message = { content: [], stopReason: 'toolUse' } as unknown as AssistantMessage
const piece = (delta: string, contentIndex = 0, type = 'toolcall_delta') =>
  ({ type, contentIndex, delta, partial: message }) as AssistantMessageEvent

function stopReason(pieces: readonly AssistantMessageEvent[], api = 'openai-completions'): string {
  const answer = new PartialAnswer({ api: api as 'openai-completions' })
  for (const one of pieces) answer.add(one)
  return answer.complete(message).stopReason
}

describe('an answer', () => {
  it.each([
    ['whole', ['{"command":', ' "echo \\"{\\" "}']],
    ['with brackets in its text', ['{"a":["]","}"]}']],
    ['with a line feed that should have been escaped', ['{"content":"a\nb"}']],
    ['empty', ['']],
  ])('with a call whose input is %s is as it is', (_, texts) => {
    expect(stopReason(texts.map((text) => piece(text)))).toBe('toolUse')
  })

  it.each([['{"command":"rm -r build'], ['{"command":"rm -r build"'], ['{"a":[1,'], ['{"a":"\\"'], ['{']])(
    'with a call whose input breaks off after %s is one that was cut off',
    (text) => {
      expect(stopReason([piece(text)])).toBe('length')
      expect(stopReason([piece('{}', 0), piece(text, 1)], 'anthropic-messages')).toBe('length')
    },
  )

  it.each([
    ['{"command":"a"}{"command":"b"}'],
    ['{"command":"a"}\n{"command":"}b"}'],
    ['{}{"command":"b"}'],
    ['{"command":"a"}{"command":"a"}{"command":"b"}'],
  ])('with several calls that became one, %s, has nothing run', (text) => {
    expect(stopReason([piece(text)])).toBe('length')
    expect(stopReason([piece('{"a":1}', 0), piece('{"a":2}', 1)])).toBe('toolUse')
  })

  it('with an input that its service sends twice is as it is', () => {
    expect(stopReason([piece('{"a":[{}]}'), piece('{"a":[{}]}')])).toBe('toolUse')
  })

  it('of a wire whose calls come whole at last is not judged by the pieces', () => {
    expect(stopReason([piece('{"a"')], 'openai-responses')).toBe('toolUse')
  })

  it('may grow so far and no further, in text, thoughts and calls together', () => {
    const answer = new PartialAnswer({ api: 'openai-completions' })
    const half = 'x'.repeat(4 << 20)
    expect(answer.add(piece(half, 0, 'text_delta'))).toBe(true)
    expect(answer.add(piece(half, 1, 'thinking_delta'))).toBe(true)
    expect(answer.add(piece('x', 2))).toBe(false)
  })
})
