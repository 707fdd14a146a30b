import { isJsonObject } from '../../core/json.ts'
type JsonSchema = Readonly<Record<string, unknown>>

const SIMPLE_TYPES = new Set<unknown>(['string', 'number', 'integer', 'boolean', 'null'])
/** Keywords that cannot be dropped: the narrowed schema would then exclude valid answers. */
const INEXPRESSIBLE = ['allOf', 'patternProperties', 'prefixItems', '$dynamicRef', '$recursiveRef', '$id']

/**
 * Reduces a schema to what every service with structured output understands: objects with named properties and no others,
 * lists, unions, enumerations, references to definitions. Limits of lengths and numbers, patterns and formats are dropped; the
 * answer is checked against them later. null: not the schema of an object, or something in it cannot be expressed.
 */
export function narrowSchema(schema: JsonSchema): JsonSchema | null {
  const narrow = narrowed(schema)
  if (narrow === null || narrow['type'] !== 'object') return null
  const named: Record<string, unknown> = { ...narrow }
  for (const place of ['$defs', 'definitions']) {
    if (schema[place] === undefined) continue
    const definitions = eachNarrowed(schema[place])
    if (definitions === null) return null
    named[place] = definitions
  }
  return named
}

/** Whether every property is required, anywhere in a narrowed schema. */
export function isComplete(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isComplete)
  if (!isJsonObject(schema)) return true
  const { properties, required, enum: _, const: __, ...rest } = schema
  if (isJsonObject(properties)) {
    const names: readonly unknown[] = Array.isArray(required) ? required : []
    if (Object.keys(properties).some((name) => !names.includes(name))) return false
    if (!Object.values(properties).every(isComplete)) return false
  }
  return Object.values(rest).every(isComplete)
}

function narrowed(schema: unknown): JsonSchema | null {
  if (!isJsonObject(schema) || INEXPRESSIBLE.some((keyword) => keyword in schema)) return null
  const told = pick(schema, ['title', 'description'])
  const { $ref: ref, anyOf, oneOf, type } = schema
  if (ref !== undefined)
    return typeof ref === 'string' && /^#\/(\$defs|definitions)\/[^/]+$/.test(ref) ? { ...told, $ref: ref } : null
  const either = anyOf ?? oneOf
  if (either !== undefined) {
    // Both keywords, or one beside other rules, would be more than a union.
    if ((anyOf !== undefined && oneOf !== undefined) || 'properties' in schema || 'items' in schema) return null
    const members = Array.isArray(either) ? either.map(narrowed) : [null]
    return members.includes(null) ? null : { ...told, anyOf: members }
  }
  if ('enum' in schema || 'const' in schema) return fixed(schema, told)
  if (Array.isArray(type)) {
    const members = type.map((one: unknown) =>
      narrowed({ ...schema, title: undefined, description: undefined, type: one }),
    )
    return members.includes(null) ? null : { ...told, anyOf: members }
  }
  if (SIMPLE_TYPES.has(type)) return { ...told, type }
  if (type === 'array') {
    const items = narrowed(schema['items'])
    return items === null ? null : { ...told, type, items }
  }
  return type === 'object' || (type === undefined && 'properties' in schema) ? anObject(schema, told) : null
}

function anObject(schema: JsonSchema, told: JsonSchema): JsonSchema | null {
  const { required = [], additionalProperties } = schema
  if (!isJsonObject(schema['properties']) || isJsonObject(additionalProperties) || !Array.isArray(required)) return null
  const properties = eachNarrowed(schema['properties'])
  if (properties === null || required.some((name) => !Object.hasOwn(properties, String(name)))) return null
  return { ...told, type: 'object', properties, required, additionalProperties: false }
}

function fixed(schema: JsonSchema, told: JsonSchema): JsonSchema | null {
  const values: readonly unknown[] = 'const' in schema ? [schema['const']] : listOf(schema['enum'])
  if (values.length === 0 || values.some((value) => typeof value === 'object' && value !== null)) return null
  const type = SIMPLE_TYPES.has(schema['type']) ? { type: schema['type'] } : {}
  return { ...told, ...type, enum: values }
}

function eachNarrowed(schemas: unknown): Readonly<Record<string, JsonSchema>> | null {
  if (!isJsonObject(schemas)) return null
  const all = Object.entries(schemas).map(([name, schema]) => [name, narrowed(schema)] as const)
  // fromEntries, not assignment: a property may be called __proto__
  return all.some(([, schema]) => schema === null) ? null : (Object.fromEntries(all) as Record<string, JsonSchema>)
}

function pick(schema: JsonSchema, keywords: readonly string[]): JsonSchema {
  return Object.fromEntries(keywords.flatMap((key) => (typeof schema[key] === 'string' ? [[key, schema[key]]] : [])))
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
