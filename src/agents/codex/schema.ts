/**
 * OpenAI accepts only a strict form of JSON Schema for answers: every object lists all its properties as required and forbids
 * others. An optional property becomes nullable, and its null is removed from the answer again.
 */
import { isJsonObject } from '../../core/json.ts'
import type { JsonSchema } from '../port.ts'

type Json = Readonly<Record<string, unknown>>

/** Keywords that the strict form rejects. Dropping them is safe, because Belay checks answers against the original schema. */
const REFUSED = new Set([
  '$schema',
  '$id',
  '$comment',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
  'uniqueItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
  'minContains',
  'maxContains',
  'contains',
  'not',
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'unevaluatedProperties',
  'unevaluatedItems',
  'contentEncoding',
  'contentMediaType',
])

/** Keywords that change a schema's meaning and that the strict form cannot express. */
const INEXPRESSIBLE = ['patternProperties', 'propertyNames', 'prefixItems', 'allOf'] as const

/** The strict form of `schema`; null: it has none (open objects, values of any type, a root that is not an object). */
export function strictSchema(schema: JsonSchema): JsonSchema | null {
  if (schema.type !== 'object') return null
  return convert(schema)
}

function convert(schema: unknown): Json | null {
  if (!isJsonObject(schema) || INEXPRESSIBLE.some((key) => key in schema)) return null
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(schema)) {
    if (REFUSED.has(key)) continue
    const converted = convertKeyword(key, value, schema)
    if (converted === undefined) return null
    out[key === 'oneOf' ? 'anyOf' : key] = converted
  }
  if (!isTyped(schema)) return null
  if (!hasType(schema, 'object')) return out
  if (schema.properties === undefined || (schema.additionalProperties ?? false) !== false) return null
  return { ...out, required: Object.keys(schema.properties as Json), additionalProperties: false }
}

/** The strict form of one keyword's value; undefined: there is none. */
function convertKeyword(key: string, value: unknown, schema: Json): unknown {
  switch (key) {
    case 'properties':
    case '$defs':
    case 'definitions': {
      const required = new Set(Array.isArray(schema.required) ? schema.required : [])
      const out: Record<string, unknown> = {}
      for (const [name, child] of Object.entries(value as Json)) {
        const converted = convert(child)
        if (converted === null) return undefined
        out[name] = key !== 'properties' || required.has(name) ? converted : nullable(converted)
      }
      return out
    }
    case 'items':
      return convert(value) ?? undefined
    case 'anyOf':
    case 'oneOf': {
      const branches = (value as readonly unknown[]).map(convert)
      return branches.includes(null) ? undefined : branches
    }
    default:
      return value
  }
}

function nullable(schema: Json): Json {
  if (allowsNull(schema)) return schema
  if (Array.isArray(schema.anyOf)) return { ...schema, anyOf: [...(schema.anyOf as unknown[]), { type: 'null' }] }
  const plain = schema.$ref === undefined && schema.const === undefined && schema.enum === undefined
  if (plain && typeof schema.type === 'string') return { ...schema, type: [schema.type, 'null'] }
  if (plain && Array.isArray(schema.type)) return { ...schema, type: [...(schema.type as unknown[]), 'null'] }
  const { description, ...rest } = schema
  return { ...(description === undefined ? {} : { description }), anyOf: [rest, { type: 'null' }] }
}

/** Removes from an answer to `schema` every null that only stands for an absent property. */
export function withoutNulls(schema: JsonSchema, value: unknown): unknown {
  return restore(schema, value, schema)
}

function restore(schema: unknown, value: unknown, root: Json): unknown {
  const resolved = resolve(schema, root)
  if (!isJsonObject(resolved)) return value
  const branches = (resolved.anyOf ?? resolved.oneOf) as readonly unknown[] | undefined
  if (branches !== undefined) {
    const fitting = branches.find((branch) => fits(resolve(branch, root), value))
    return fitting === undefined ? value : restore(fitting, value, root)
  }
  if (Array.isArray(value)) return value.map((item: unknown) => restore(resolved.items, item, root))
  if (!isJsonObject(value) || !isJsonObject(resolved.properties)) return value
  const required = new Set(Array.isArray(resolved.required) ? resolved.required : [])
  const out: Record<string, unknown> = {}
  for (const [key, child] of Object.entries(value)) {
    const property = resolved.properties[key]
    if (child === null && property !== undefined && !required.has(key) && !allowsNull(resolve(property, root))) continue
    out[key] = restore(property, child, root)
  }
  return out
}

/** Whether `value` matches this branch, judged by its JSON type and the constants that distinguish branches. */
function fits(branch: unknown, value: unknown): boolean {
  if (!isJsonObject(branch)) return false
  if (value === null) return allowsNull(branch)
  if (Array.isArray(value)) return hasType(branch, 'array')
  if (!isJsonObject(value)) return !hasType(branch, 'array') && !hasType(branch, 'object')
  if (!hasType(branch, 'object') || !isJsonObject(branch.properties)) return false
  const { properties } = branch
  return Object.entries(value).every(([key, child]) => {
    const property = properties[key]
    if (property === undefined) return child === null
    if (!isJsonObject(property)) return true
    if (property.const !== undefined) return property.const === child
    return !Array.isArray(property.enum) || child === null || property.enum.includes(child)
  })
}

function resolve(schema: unknown, root: Json): unknown {
  if (!isJsonObject(schema) || typeof schema.$ref !== 'string') return schema
  if (schema.$ref === '#') return root
  const path = /^#\/(\$defs|definitions)\/(.+)$/.exec(schema.$ref)
  const definitions = path?.[1] === undefined ? undefined : root[path[1]]
  return isJsonObject(definitions) && path?.[2] !== undefined ? definitions[path[2]] : undefined
}

function allowsNull(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false
  if (schema.const === null || (Array.isArray(schema.enum) && schema.enum.includes(null))) return true
  const branches = (schema.anyOf ?? schema.oneOf) as readonly unknown[] | undefined
  return hasType(schema, 'null') || (branches?.some(allowsNull) ?? false)
}

function isTyped(schema: Json): boolean {
  return ['type', 'anyOf', 'oneOf', '$ref', 'const', 'enum'].some((key) => key in schema)
}

function hasType(schema: Json, type: string): boolean {
  return schema.type === type || (Array.isArray(schema.type) && schema.type.includes(type))
}
