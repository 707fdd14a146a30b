import { Ajv2020 } from 'ajv/dist/2020.js'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { strictSchema, withoutNulls } from './schema.ts'

const finding = {
  type: 'object',
  properties: {
    issue: { type: 'string', minLength: 1 },
    file: { type: 'string' },
    repeats: { type: ['string', 'null'] },
  },
  required: ['issue'],
  additionalProperties: false,
}
const review = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: {
    verdict: { type: 'string', enum: ['pass', 'rework'] },
    risk: { enum: ['low', 'high'] },
    findings: { type: 'array', items: finding, uniqueItems: true },
    first: { $ref: '#/$defs/finding' },
  },
  required: ['verdict', 'findings'],
  additionalProperties: false,
  $defs: { finding },
}

describe('strictSchema', () => {
  it('requires every property, lets optional ones be null, and leaves out what is refused', () => {
    const strictFinding = {
      type: 'object',
      properties: {
        issue: { type: 'string' },
        file: { type: ['string', 'null'] },
        repeats: { type: ['string', 'null'] },
      },
      required: ['issue', 'file', 'repeats'],
      additionalProperties: false,
    }
    expect(strictSchema(review)).toEqual({
      type: 'object',
      properties: {
        verdict: { type: 'string', enum: ['pass', 'rework'] },
        risk: { anyOf: [{ enum: ['low', 'high'] }, { type: 'null' }] },
        findings: { type: 'array', items: strictFinding },
        first: { anyOf: [{ $ref: '#/$defs/finding' }, { type: 'null' }] },
      },
      required: ['verdict', 'risk', 'findings', 'first'],
      additionalProperties: false,
      $defs: { finding: strictFinding },
    })
  })

  it.each([
    ['a root that is no object', { type: 'array', items: { type: 'string' } }],
    [
      'an open object',
      { type: 'object', properties: { a: { type: 'object', additionalProperties: { type: 'string' } } } },
    ],
    ['an object that allows more', { type: 'object', properties: {}, additionalProperties: true }],
    ['a value of any type', { type: 'object', properties: { a: {} } }],
    ['a list of any values', { type: 'object', properties: { a: { type: 'array', items: true } } }],
    ['merged schemas', { type: 'object', properties: { a: { allOf: [{ type: 'string' }] } } }],
  ])('has no form for %s', (_, schema) => {
    expect(strictSchema(schema)).toBeNull()
  })
})

describe('withoutNulls', () => {
  it('takes out null where it stands for an absent property, and only there', () => {
    const answer = {
      verdict: 'rework',
      risk: null,
      findings: [
        { issue: 'x', file: null, repeats: null },
        { issue: 'y', file: 'a.ts', repeats: null },
      ],
      first: { issue: 'z', file: null, repeats: 'F1' },
    }
    expect(withoutNulls(review, answer)).toEqual({
      verdict: 'rework',
      findings: [
        { issue: 'x', repeats: null },
        { issue: 'y', file: 'a.ts', repeats: null },
      ],
      first: { issue: 'z', repeats: 'F1' },
    })
  })

  it('finds the branch of a union by its constants', () => {
    const branch = (kind: string, value: object) => ({
      type: 'object',
      properties: { kind: { const: kind }, value },
      required: ['kind'],
    })
    const schema = {
      type: 'object',
      properties: { it: { anyOf: [branch('a', { type: 'string' }), branch('b', { type: ['string', 'null'] })] } },
      required: ['it'],
    }
    expect(withoutNulls(schema, { it: { kind: 'a', value: null } })).toEqual({ it: { kind: 'a' } })
    expect(withoutNulls(schema, { it: { kind: 'b', value: null } })).toEqual({ it: { kind: 'b', value: null } })
  })

  it('leaves alone what is no answer to the schema', () => {
    expect(withoutNulls(review, null)).toBeNull()
    expect(withoutNulls(review, [null])).toEqual([null])
    expect(withoutNulls(review, { other: null })).toEqual({ other: null })
  })
})

/** Schemas as agents may use them for answers, each with a matching value. */
interface Sample {
  readonly schema: Record<string, unknown>
  readonly value: unknown
}

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  fc.string().map((value) => ({ schema: { type: 'string' }, value })),
  fc.integer().map((value) => ({ schema: { type: 'integer' }, value })),
  fc.option(fc.boolean()).map((value) => ({ schema: { type: ['boolean', 'null'] }, value })),
  fc.constantFrom('a', 'b').map((value) => ({ schema: { enum: ['a', 'b'] }, value })),
)

const object = (sample: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
  fc.dictionary(fc.constantFrom('p', 'q', 'r', 's'), fc.tuple(sample, fc.boolean(), fc.boolean())).map((entries) => {
    const all = Object.entries(entries)
    return {
      schema: {
        type: 'object',
        properties: Object.fromEntries(all.map(([key, [{ schema }]]) => [key, schema])),
        required: all.filter(([, [, required]]) => required).map(([key]) => key),
        additionalProperties: false,
      },
      value: Object.fromEntries(
        all
          .filter(([, [{ schema }, required, there]]) => required || there || takesNull(schema))
          .map(([key, [{ value }]]) => [key, value]),
      ),
    }
  })

/** Where null is allowed anyway, the strict form cannot tell null from an absent property. */
const takesNull = (schema: Record<string, unknown>): boolean => Array.isArray(schema['type'])

const list = (sample: fc.Arbitrary<Sample>): fc.Arbitrary<Sample> =>
  sample.map(({ schema, value }) => ({ schema: { type: 'array', items: schema }, value: [value, value] }))

const { tree } = fc.letrec<{ tree: Sample }>((tie) => ({
  tree: fc.oneof({ maxDepth: 3 }, leaf, object(tie('tree')), list(tie('tree'))),
}))

describe('the strict form as a whole', () => {
  it('accepts every answer with nulls for what is absent, and gives the answer back', () => {
    fc.assert(
      fc.property(object(tree), ({ schema, value }) => {
        const strict = strictSchema(schema)
        expect(strict).not.toBeNull()
        const filled = fill(schema, value)
        expect(new Ajv2020().validate(strict ?? {}, filled)).toBe(true)
        expect(withoutNulls(schema, filled)).toEqual(value)
      }),
    )
  })
})

/** A model's answer to the strict form: every property is present, and null stands for absent ones. */
function fill(schema: Record<string, unknown>, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => fill(schema['items'] as Record<string, unknown>, item))
  if (typeof value !== 'object' || value === null) return value
  const properties = schema['properties'] as Record<string, Record<string, unknown>>
  const given = value as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(properties).map(([key, child]) => [key, key in given ? fill(child, given[key]) : null]),
  )
}
