import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { compileSchema } from '../../agents/answers/json-schema.ts'
import type { JsonSchema } from '../../agents/port.ts'
import { hostilePaths, isMapping, type Mapping } from '../../config/values.ts'
import { BelayError, messageOf } from '../../core/errors.ts'
import { nearest } from '../../core/text.ts'

export interface InputRequest {
  readonly cwd: string
  /** `--input`, in order: a JSON or YAML file, `-` for stdin, or KEY=VALUE (unless a file has that name). */
  readonly given: readonly string[]
  /** `--set KEY=VALUE`, in order; overrides both the file and the values in `given`. */
  readonly set: readonly string[]
  readonly readStdin: () => Promise<string>
}

const MAX_INPUT = 4 << 20

/**
 * The checked input of a run: the file, values from the command line, and defaults of the schema. Throws (exit 2) `usage` or
 * `input_unreadable`, or `input_invalid` with all problems.
 */
export async function readInput(schema: JsonSchema | null, request: InputRequest): Promise<Mapping> {
  const files = request.given.filter((one) => isFile(request.cwd, one))
  const [file, second] = files
  if (second !== undefined) {
    throw new BelayError('usage', '--input takes one file', { expected: 'one file', received: files.join(', ') })
  }
  const given = file === undefined ? {} : await readFileOf(request, file)
  const properties: Mapping = isMapping(schema?.['properties']) ? schema['properties'] : {}
  const input: Mapping = { ...given }
  for (const one of [...request.given.filter((other) => !files.includes(other)), ...request.set]) {
    const [, key, text] = /^([^=]+)=(.*)$/s.exec(one) ?? []
    if (key === undefined || text === undefined) {
      throw new BelayError('usage', '--set takes KEY=VALUE', { expected: 'KEY=VALUE', received: one })
    }
    input[key] = valueOf(text, Object.hasOwn(properties, key) ? properties[key] : undefined)
  }
  for (const [key, property] of Object.entries(properties)) {
    if (!Object.hasOwn(input, key) && isMapping(property) && 'default' in property) input[key] = property['default']
  }
  check(schema, input, Object.keys(properties))
  return input
}

/** Whether this value of `--input` is a file; `KEY=VALUE` only if a file of that name exists. */
function isFile(cwd: string, one: string): boolean {
  return !/^[^=/]+=/.test(one) || existsSync(resolve(cwd, one))
}

/** Text stays text if the schema wants text; otherwise it is parsed as JSON where possible. */
function valueOf(text: string, property: unknown): unknown {
  if (isMapping(property) && property['type'] === 'string') return text
  let value: unknown
  try {
    value = JSON.parse(text) as unknown
  } catch {
    return text // not JSON: the text itself
  }
  // For example 2, where the schema lists "1" and "2".
  return isMapping(property) && !fits(property, value) && fits(property, text) ? text : value
}

function fits(property: JsonSchema, value: unknown): boolean {
  try {
    return compileSchema(property)(value).length === 0
  } catch {
    return true // it refers to another part of the schema; the check of the whole input reports problems
  }
}

async function readFileOf({ cwd, readStdin }: InputRequest, file: string): Promise<Mapping> {
  let value: unknown
  try {
    const text = file === '-' ? await readStdin() : await readFile(resolve(cwd, file), 'utf8')
    if (text.length > MAX_INPUT) throw new Error(`it is longer than ${MAX_INPUT} characters`)
    value = parse(text, { maxAliasCount: 100, merge: true })
  } catch (cause) {
    throw new BelayError('input_unreadable', `the input cannot be read: ${messageOf(cause)}`, {
      expected: 'a JSON or YAML file',
      received: file,
      cause,
    })
  }
  if (isMapping(value) && hostilePaths(value).length === 0) return JSON.parse(JSON.stringify(value)) as Mapping
  throw new BelayError('input_invalid', 'the input is no mapping of names to values', {
    expected: 'a mapping',
    received: Array.isArray(value) ? 'a list' : value === null ? 'nothing' : typeof value,
  })
}

function check(schema: JsonSchema | null, input: Mapping, known: readonly string[]): void {
  const open = schema !== null && (known.length === 0 || schema['additionalProperties'] !== undefined)
  const unknown = open ? [] : Object.keys(input).filter((key) => !known.includes(key))
  const problems = [
    ...unknown.map((key) => {
      const near = nearest(key, known)
      return `/${key}: the workflow has no such input${near === null ? '' : `; did you mean ${near}?`}`
    }),
    ...(schema === null ? [] : compileSchema(schema)(input)).map((line) => line.replace(/^\(answer\)/, 'input')),
  ]
  if (problems.length === 0) return
  throw new BelayError('input_invalid', `the input does not fit the workflow: ${problems.join('; ')}`, {
    expected: known.length === 0 ? 'no input' : `input with ${known.join(', ')}`,
    received: Object.keys(input).join(', ') || 'no input',
    next: 'give it with --input FILE or --input KEY=VALUE',
  })
}
