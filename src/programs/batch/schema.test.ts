import { describe, expect, it } from 'vitest'
import { compileSchema, schemaProblem } from '../../agents/answers/json-schema.ts'
import { expectation } from './schema.ts'

const answer = {
  type: 'object',
  properties: { risk: { enum: ['low', 'high'] }, note: { type: 'string' } },
  required: ['risk'],
  additionalProperties: false,
}

describe('a schema for answers', () => {
  it('names every problem of an answer, with what would be right', () => {
    const check = compileSchema(answer)
    expect(check({ risk: 'low' })).toEqual([])
    expect(check({ risk: 'medium', extra: 1 })).toEqual([
      '(answer): must NOT have additional properties ("extra")',
      '/risk: must be equal to one of the allowed values (["low","high"])',
    ])
  })

  it('cuts a long list of problems', () => {
    const check = compileSchema({ type: 'array', items: { type: 'integer' } })
    const lines = check(Array.from({ length: 30 }, () => 'x'))
    expect(lines).toHaveLength(11)
    expect(lines.at(-1)).toBe('... and 20 more')
  })

  it.each([
    ['http://json-schema.org/draft-07/schema#', { items: [{ type: 'string' }], additionalItems: false }, [['a', 1]]],
    [
      'https://json-schema.org/draft/2019-09/schema',
      { items: [{ type: 'string' }], additionalItems: false },
      [['a', 1]],
    ],
    ['https://json-schema.org/draft/2020-12/schema', { prefixItems: [{ type: 'string' }], items: false }, [['a', 1]]],
    [undefined, { prefixItems: [{ type: 'string' }], items: false }, [['a', 1]]],
    [undefined, { items: [{ type: 'string' }], additionalItems: false }, [['a', 1]]],
  ])('holds answers to %s', (dialect, schema, wrong) => {
    const check = compileSchema({ ...(dialect === undefined ? {} : { $schema: dialect }), type: 'array', ...schema })
    expect(check(['a'])).toEqual([])
    for (const value of wrong) expect(check(value)).not.toEqual([])
  })

  it.each([
    { type: 'objekt' },
    { type: 'object', properties: { a: { $ref: '#/$defs/missing' } } },
    { $ref: 'https://example.com/schema.json' },
    { $schema: 'http://json-schema.org/draft-04/schema#' },
    { $async: true, type: 'object' },
    { required: 'a' },
  ])('refuses %j', (schema) => expect(schemaProblem(schema)).toEqual(expect.any(String)))

  it('allows unknown keywords, but no format that it would not check', () => {
    expect(schemaProblem({ type: 'string', format: 'date', example: 'x', made: 'up' })).toBeNull()
    expect(schemaProblem({ properties: { format: { enum: ['made-up'] } } })).toBeNull()
    const problem = schemaProblem({ type: 'object', properties: { a: { type: 'string', format: 'made-up' } } })
    expect(problem).toMatch(/^"format": "made-up" is not checked by Belay; remove it, or use one of date, /)
    expect(schemaProblem({ $schema: 'http://json-schema.org/draft-07/schema#', format: 'constructor' })).not.toBeNull()
  })

  it('knows properties that every object has only when an answer has them itself', () => {
    const { check } = compileWith({ type: 'object', required: ['constructor'] })
    expect(check({})).toHaveProperty('problems')
    expect(check(JSON.parse('{"constructor": 1}'))).toHaveProperty('answer')
  })

  it('takes no answer for a wrong one, and null for what it is', () => {
    expect(expectation({}).check(undefined)).toHaveProperty('problems')
    expect(expectation({ type: ['null', 'object'] }).check(null)).toEqual({ answer: { output: null } })
  })
})

function compileWith(schema: Record<string, unknown>) {
  const expected = expectation(schema)
  return { check: (value: unknown) => expected.check(value) }
}
