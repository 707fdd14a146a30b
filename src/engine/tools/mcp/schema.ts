import type { Tool as McpTool } from '@modelcontextprotocol/client'
import { z } from 'zod'
import { isJsonObject } from '../../../core/json.ts'

/** What every provider takes as the name of a property. */
const PROPERTY = /^[A-Za-z0-9_.-]{1,64}$/
/** Some providers refuse these where the input itself is described, and with it the whole request. */
const UNIONS = new Set(['anyOf', 'oneOf', 'allOf', 'not', 'enum', 'const', 'if', 'then', 'else'])

/** The server checks its input itself; the model sees the server's own schema. */
export function schemaOf({ inputSchema }: McpTool) {
  const { $schema: _, $id: __, id: ___, ...schema } = inputSchema as Record<string, unknown>
  const plain = Object.fromEntries(Object.entries(schema).filter(([key]) => !UNIONS.has(key)))
  return z
    .any()
    .refine(isJsonObject, 'expected an object')
    .transform((value) => value as Record<string, unknown>)
    .meta({ ...plain, type: 'object' })
}

/** A property that no provider takes would have every request refused; null: there is none. */
export function unusableProperty({ inputSchema }: McpTool): string | null {
  const { properties } = inputSchema as { properties?: unknown }
  if (typeof properties !== 'object' || properties === null) return null
  return Object.keys(properties).find((name) => !PROPERTY.test(name)) ?? null
}
