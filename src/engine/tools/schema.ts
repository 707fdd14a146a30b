import { z } from 'zod'
import type { Tool } from '../port.ts'

/**
 * The JSON schema (draft 2020-12) of a tool's input, for models and docs. Throws for a type that JSON Schema does not have, such
 * as a date.
 */
export function toolSchema(tool: Tool): Readonly<Record<string, unknown>> {
  const { $schema: _, ...schema } = z.toJSONSchema(tool.input, { io: 'input' })
  return schema
}
