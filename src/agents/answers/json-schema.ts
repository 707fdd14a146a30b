/** Checks values against a user's JSON Schema. */
import { Ajv, type ErrorObject } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { FORMATS } from './json-formats.ts'
import type { JsonSchema } from '../port.ts'

const DIALECTS = [
  { id: /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/, make: Ajv2020 },
  { id: /^https?:\/\/json-schema\.org\/draft\/2019-09\/schema#?$/, make: Ajv2019 },
  { id: /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/, make: Ajv },
] as const

/** The most problems of one answer that its agent is told about. */
const MAX_PROBLEMS = 10

/** Describes what is wrong with a value, one entry per problem; empty: it matches. */
export type Checker = (value: unknown) => readonly string[]

/**
 * Compiles a user's JSON Schema (draft-07, 2019-09, 2020-12; without `$schema` 2020-12, or draft-07 if it is only valid there).
 * Unknown keywords are allowed. An unknown `format` is not, because it would let through what it seems to exclude. Never loads
 * anything. Throws an Error that says what is wrong with the schema.
 */
export function compileSchema(schema: JsonSchema): Checker {
  const { $schema: dialect } = schema
  if (dialect === undefined) {
    try {
      return compile(Ajv2020, schema)
    } catch (error) {
      try {
        return compile(Ajv, schema)
      } catch {
        throw error // the error of the newest dialect helps most
      }
    }
  }
  const known = DIALECTS.find(({ id }) => typeof dialect === 'string' && id.test(dialect))
  if (!known) throw new Error(`"$schema" is ${JSON.stringify(dialect)}, not draft-07, 2019-09 or 2020-12`)
  return compile(known.make, schema)
}

function compile(Dialect: typeof Ajv | typeof Ajv2019 | typeof Ajv2020, schema: JsonSchema): Checker {
  // An asynchronous validator returns a promise, which would accept every value.
  if ('$async' in schema) throw new Error('"$async" is not a keyword of JSON Schema')
  const ajv = new Dialect({ strict: false, allErrors: true, ownProperties: true, logger: false })
  checkFormats(ajv)
  const valid = ajv.compile(schema)
  return (value) => (valid(value) ? [] : linesOf(valid.errors ?? []))
}

/** Ajv alone ignores every format silently. */
function checkFormats(ajv: Ajv | Ajv2019 | Ajv2020): void {
  ajv.removeKeyword('format')
  ajv.addKeyword({
    keyword: 'format',
    type: 'string',
    schemaType: 'string',
    compile(name: string) {
      const fits = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined
      if (fits === undefined) {
        const known = Object.keys(FORMATS).join(', ')
        throw new Error(`"format": ${JSON.stringify(name)} is not checked by Belay; remove it, or use one of ${known}`)
      }
      return fits
    },
    error: { message: ({ schema: name }) => `must match format "${String(name)}"` },
  })
}

/** What is wrong with a schema; null: it can be used. */
export function schemaProblem(schema: JsonSchema): string | null {
  try {
    compileSchema(schema)
    return null
  } catch (error) {
    return head(messageOf(error), 500)
  }
}

function linesOf(errors: readonly ErrorObject[]): string[] {
  const lines = [
    ...new Set(
      errors.map((error) => `${error.instancePath || '(answer)'}: ${error.message ?? error.keyword}${detail(error)}`),
    ),
  ]
  const more = lines.length - MAX_PROBLEMS
  return more > 0 ? [...lines.slice(0, MAX_PROBLEMS), `... and ${more} more`] : lines
}

/** Details that Ajv's own message leaves out. */
function detail({ keyword, params }: ErrorObject): string {
  const named: unknown = {
    additionalProperties: params['additionalProperty'],
    unevaluatedProperties: params['unevaluatedProperty'],
    enum: params['allowedValues'],
    const: params['allowedValue'],
  }[keyword]
  return named === undefined ? '' : ` (${head(JSON.stringify(named), 200)})`
}
