import type { ModelRequest, ModelUsage, ToolCall } from './types.ts'

/** One server-sent event. `pause`: wait a little before it. */
export interface Frame {
  /** null: data without an event name (Gemini). */
  readonly event: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly pause?: boolean
}

/** Reads requests and writes replies in one provider's wire format. */
export interface Wire {
  /** `path`: the path of the URL, which in some APIs contains the model. */
  read(body: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>, path: string): ModelRequest
  /** The beginning of an answer that will be cut off. */
  begin(id: string, model: string, usage: ModelUsage): Frame[]
  stream(
    id: string,
    model: string,
    say: string | null,
    calls: readonly ToolCall[],
    usage: ModelUsage,
    parts: number,
  ): Frame[]
  /** The same answer for a client that did not ask for a stream. */
  whole(id: string, model: string, say: string | null, calls: readonly ToolCall[], usage: ModelUsage): unknown
  /** The body that the provider sends with an HTTP error. */
  error(status: number): unknown
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function string(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** `text` in `count` parts of about equal length (fewer if it is shorter than that). */
export function pieces(text: string, count: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / count))
  return Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.slice(n * size, (n + 1) * size))
}
