import type { Tool as McpTool } from '@modelcontextprotocol/client'
import { z } from 'zod'
import { isJsonObject } from '../../../core/json.ts'

/** Property names that every provider accepts. */
const PROPERTY = /^[A-Za-z0-9_.-]{1,64}$/
/** At the top level of an input schema, some providers reject these keywords, and with them the whole request. */
const UNIONS = new Set(['anyOf', 'oneOf', 'allOf', 'not', 'enum', 'const', 'if', 'then', 'else'])

/** Accepts any object, because the server checks its own input; the model sees the server's schema. */
export function schemaOf({ inputSchema }: McpTool) {
  const { $schema: _, $id: __, id: ___, ...schema } = inputSchema as Record<string, unknown>
  const plain = Object.fromEntries(Object.entries(schema).filter(([key]) => !UNIONS.has(key)))
  return z
    .any()
    .refine(isJsonObject, 'expected an object')
    .transform((value) => value as Record<string, unknown>)
    .meta({ ...plain, type: 'object' })
}

/** The first property name that providers would reject, and with it every request; null: none. */
export function unusableProperty({ inputSchema }: McpTool): string | null {
  const { properties } = inputSchema as { properties?: unknown }
  if (typeof properties !== 'object' || properties === null) return null
  return Object.keys(properties).find((name) => !PROPERTY.test(name)) ?? null
}
