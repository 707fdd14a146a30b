import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { BelayError, messageOf } from '../../core/errors.ts'
import type { JsonSchema } from '../../agents/port.ts'

export interface Schema {
  readonly schema: JsonSchema
  /** Returns the problems of an answer, one line each. */
  readonly check: (value: unknown) => readonly string[]
}

const MAX_BYTES = 1024 * 1024

/** Reads a JSON Schema from a file. Throws `output_schema_invalid`. */
export async function readSchema(cwd: string, file: string): Promise<Schema> {
  const invalid = (expected: string, received: string): BelayError =>
    new BelayError('output_schema_invalid', `${file} cannot be used as an output schema`, { expected, received })
  let schema: unknown
  try {
    const { size } = await stat(resolve(cwd, file))
    if (size > MAX_BYTES) throw new Error(`${size} bytes`)
    schema = JSON.parse((await readFile(resolve(cwd, file), 'utf8')).replace(/^\u{feff}/u, ''))
  } catch (error) {
    throw invalid(`a JSON file of at most ${MAX_BYTES} bytes`, messageOf(error))
  }
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    throw invalid('a JSON Schema (an object)', Array.isArray(schema) ? 'a list' : typeof schema)
  const { compileSchema } = await import('../../agents/answers/json-schema.ts')
  try {
    return { schema: schema as JsonSchema, check: compileSchema(schema as JsonSchema) }
  } catch (error) {
    throw invalid('a valid JSON Schema', messageOf(error))
  }
}
