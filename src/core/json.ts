export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a parsed value is a JSON object, that is neither an array nor null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
