export type JsonObject = Readonly<Record<string, unknown>>

/** Whether a parsed value is a JSON object: not an array, not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
