import { z } from 'zod'
import type { Tool } from '../port.ts'

/** The JSON schema (draft 2020-12) of a tool's input, as models get it. */
export function toolSchema(tool: Tool): Readonly<Record<string, unknown>> {
  const { $schema: _, ...schema } = z.toJSONSchema(tool.input, { io: 'input' })
  return schema
}
