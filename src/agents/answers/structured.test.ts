import { describe, expect, it } from 'vitest'
import { answerIn, promptWithSchema } from './structured.ts'

describe('promptWithSchema', () => {
  it('tells the schema at the end, and nothing without one', () => {
    expect(promptWithSchema('do it', null)).toBe('do it')
    expect(promptWithSchema('do it', { type: 'object' })).toMatch(/^do it\n\n.*\n```json\n\{"type":"object"\}\n```$/)
  })
})

describe('answerIn', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['  {"a":1}\n', { a: 1 }],
    ['```json\n{"a":1}\n```', { a: 1 }],
    ['Here it is:\n```\n{"a":0}\n```\nor rather\n```json\n{"a":1}\n```', { a: 1 }],
    ['I forgot the form.', null],
    ['```\nnot json\n```', null],
  ])('%j', (text, expected) => {
    expect(answerIn(text)).toEqual(expected)
  })
})
