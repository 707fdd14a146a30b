import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { answerForm } from './answer-form.ts'
import { isComplete, narrowSchema } from './narrow-schema.ts'

const text = { type: 'string' } as const
const object = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  ...more,
})

describe('the part of a schema that services understand', () => {
  it('keeps objects, lists, unions, enumerations and definitions, and what they are described by', () => {
    const schema = object(
      {
        verdict: { type: 'string', enum: ['yes', 'no'], description: 'what you think' },
        lines: { type: 'array', items: { $ref: '#/$defs/line' } },
        other: { anyOf: [{ type: 'null' }, { const: 3 }] },
      },
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        title: 'Verdict',
        $defs: { line: object({ n: { type: 'integer' } }) },
      },
    )
    expect(narrowSchema(schema)).toEqual({
      title: 'Verdict',
      type: 'object',
      properties: {
        verdict: { type: 'string', enum: ['yes', 'no'], description: 'what you think' },
        lines: { type: 'array', items: { $ref: '#/$defs/line' } },
        other: { anyOf: [{ type: 'null' }, { enum: [3] }] },
      },
      required: ['verdict', 'lines', 'other'],
      additionalProperties: false,
      $defs: {
        line: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false },
      },
    })
  })

  it('leaves out limits, patterns and formats, and makes several types a union', () => {
    const schema = object({
      name: { type: ['string', 'null'], minLength: 1, pattern: '^a', description: 'its name' },
      when: { type: 'string', format: 'date' },
      count: { type: 'integer', minimum: 1, maximum: 9 },
    })
    expect(narrowSchema(schema)?.['properties']).toEqual({
      name: { description: 'its name', anyOf: [{ type: 'string' }, { type: 'null' }] },
      when: { type: 'string' },
      count: { type: 'integer' },
    })
  })

  it('a property may have any name', () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"required":{"type":"string"}}}',
    ) as Record<string, unknown>
    expect(Object.keys(narrowSchema(schema)?.['properties'] as object)).toEqual(['__proto__', 'required'])
  })

  it.each([
    ['a list', { type: 'array', items: text }],
    ['a map', { type: 'object', additionalProperties: text }],
    ['an object of which nothing is said', { type: 'object' }],
    ['a map beside properties', object({ a: text }, { additionalProperties: text })],
    ['properties by pattern', object({ a: text }, { patternProperties: { '^x': text } })],
    ['a property that is required and not named', object({ a: text }, { required: ['a', 'b'] })],
    ['anything at all in a property', object({ a: {} })],
    ['true', object({ a: true })],
    ['a list of anything', object({ a: { type: 'array' } })],
    ['a tuple', object({ a: { type: 'array', prefixItems: [text], items: text } })],
    ['allOf', object({ a: { allOf: [text, text] } })],
    ['a union beside properties', object({ a: { ...object({ b: text }), anyOf: [object({ c: text })] } })],
    ['a reference to itself', object({ a: { $ref: '#' } })],
    ['a reference to elsewhere', object({ a: { $ref: 'https://example.com/schema' } })],
    ['a definition that cannot be said', object({ a: { $ref: '#/$defs/m' } }, { $defs: { m: { type: 'object' } } })],
    ['an object as a constant', object({ a: { const: { b: 1 } } })],
    ['no type', { properties: { a: { minLength: 1 } } }],
  ])('%s cannot be said', (_, schema) => {
    expect(narrowSchema(schema)).toBeNull()
  })

  it('lets through nothing of the wrong shape, and is a schema itself', () => {
    const schema = object({
      a: { type: ['integer', 'null'] },
      b: { enum: ['x', 1, null] },
      c: { oneOf: [text, { type: 'boolean' }] },
    })
    const fits = new Ajv2020().compile(narrowSchema(schema) ?? {})
    expect(fits({ a: 1, b: 'x', c: true })).toBe(true)
    expect(fits({ a: null, b: null, c: 'y' })).toBe(true)
    for (const bad of [
      { a: 'x', b: 'x', c: 'y' },
      { a: 1, b: 2, c: 'y' },
      { a: 1, b: 1 },
      { a: 1, b: 1, c: 'y', d: 1 },
    ])
      expect(fits(bad)).toBe(false)
  })

  it('is complete when no property may be missing, however deep', () => {
    expect(isComplete(narrowSchema(object({ a: object({ b: text }), enum: text })))).toBe(true)
    expect(
      isComplete(narrowSchema(object({ a: { type: 'array', items: object({ b: text }, { required: [] }) } }))),
    ).toBe(false)
    const union = object({ a: { anyOf: [text, { type: 'object', properties: { c: text } }] } })
    expect(isComplete(narrowSchema(union))).toBe(false)
  })
})

describe('where it goes', () => {
  const model = (provider: string, id = 'm') => ({ provider, id }) as never
  const open = object({ a: text }, { required: [] })

  it('is strict with OpenAI only when it is complete; else it goes as it is', () => {
    const form = (schema: Record<string, unknown>) =>
      answerForm({ api: 'openai-completions', model: model('openai-chat') }, schema)?.into({ model: 'm' })
    expect(form(object({ a: text }))).toMatchObject({ model: 'm', response_format: { json_schema: { strict: true } } })
    expect(form(open)).toMatchObject({ response_format: { json_schema: { strict: false, schema: open } } })
    const map = { type: 'object', additionalProperties: text }
    expect(form(map)).toMatchObject({ response_format: { json_schema: { strict: false, schema: map } } })
    expect(form({ type: 'array' })).toBeUndefined()
  })

  it('stands beside what is there', () => {
    const responses = answerForm({ api: 'openai-codex-responses', model: model('openai-codex') }, object({ a: text }))
    expect(responses?.into({ text: { verbosity: 'low' } })).toMatchObject({
      text: { verbosity: 'low', format: { name: 'answer' } },
    })
    const anthropic = answerForm({ api: 'anthropic-messages', model: model('anthropic') }, open)
    expect(anthropic?.into({ output_config: { effort: 'high' } })).toMatchObject({
      output_config: { effort: 'high', format: { type: 'json_schema', schema: { additionalProperties: false } } },
    })
    expect(answerForm({ api: 'anthropic-messages', model: model('anthropic') }, { type: 'object' })).toBeNull()
    const gemini = answerForm(
      { api: 'google-generative-ai', model: model('google', 'gemini-2.5-pro') },
      { type: 'array' },
    )
    expect(gemini?.into({ config: { a: 1 } })).toEqual({ config: { a: 1, responseMimeType: 'application/json' } })
  })

  it.each([
    ['anthropic', 'anthropic-messages', 'claude-sonnet-5', 'every'],
    ['openai', 'openai-responses', 'gpt-5.4', 'every'],
    ['openai-codex', 'openai-codex-responses', 'gpt-5.4', 'every'],
    ['openai-chat', 'openai-completions', 'gpt-5.4', 'every'],
    ['google', 'google-generative-ai', 'gemini-3-pro', 'every'],
    ['google', 'google-generative-ai', 'gemini-2.5-pro', 'again'],
    ['ollama', 'openai-completions', 'qwen3', 'again'],
    ['groq', 'openai-completions', 'x', 'again'],
    ['gateway', 'anthropic-messages', 'x', 'again'],
    ['gateway', 'openai-responses', 'x', 'again'],
  ] as const)('%s (%s, %s): %s', (provider, api, id, when) => {
    expect(answerForm({ api, model: model(provider, id) }, object({ a: text }))?.when).toBe(when)
  })
})
