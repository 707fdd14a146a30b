/** Gemini's generateContent API: reads requests, writes replies. */
import type { ModelMessage, ModelRequest, ModelUsage, ToolCall } from './types.ts'
import type { Frame, Wire } from './wire.ts'
import { list, pieces, record, string } from './wire.ts'

/** `/v1beta/models/NAME:streamGenerateContent` and the like. */
const PATH = /\/models\/([^/:]+):(streamGenerateContent|generateContent)$/

/** Whether a request with this path uses Gemini's wire format. */
export function isGemini(path: string): boolean {
  return PATH.test(path)
}

function textOf(parts: unknown): string {
  return list(parts)
    .map((part) => {
      const { text, functionCall, functionResponse } = record(part)
      if (functionCall !== undefined) {
        const call = record(functionCall)
        return `${string(call.name)}(${JSON.stringify(call.args)})`
      }
      if (functionResponse !== undefined) return JSON.stringify(record(functionResponse).response)
      return string(text)
    })
    .join('\n')
}

function messageOf(entry: unknown): ModelMessage {
  const { role, parts } = record(entry)
  const isResult = list(parts).some((part) => record(part).functionResponse !== undefined)
  return { role: isResult ? 'tool' : role === 'model' ? 'assistant' : 'user', text: textOf(parts) }
}

function read(
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
  path: string,
): ModelRequest {
  const system = textOf(record(body.systemInstruction).parts)
  const messages: ModelMessage[] = [
    ...(system === '' ? [] : [{ role: 'system', text: system } as const]),
    ...list(body.contents).map(messageOf),
  ]
  const declared = list(body.tools).flatMap((tool) => list(record(tool).functionDeclarations))
  return {
    api: 'gemini',
    model: PATH.exec(path)?.[1] ?? '',
    effort: null,
    messages,
    text: messages.map((message) => message.text).join('\n'),
    tools: declared.map((tool) => string(record(tool).name)),
    headers,
    body,
  }
}

function chunk(parts: readonly unknown[], model: string, end: ModelUsage | null): Readonly<Record<string, unknown>> {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(end ? { finishReason: 'STOP' } : {}) }],
    modelVersion: model,
    ...(end
      ? {
          usageMetadata: {
            promptTokenCount: end.input,
            candidatesTokenCount: end.output,
            totalTokenCount: end.input + end.output,
          },
        }
      : {}),
  }
}

function partsOf(say: string | null, calls: readonly ToolCall[]): unknown[] {
  const called = calls.map(({ name, input }) => ({ functionCall: { name, args: input } }))
  return [...(say === null ? [] : [{ text: say }]), ...called]
}

function stream(
  _id: string,
  model: string,
  say: string | null,
  calls: readonly ToolCall[],
  usage: ModelUsage,
  parts: number,
): Frame[] {
  const texts = say === null ? [] : pieces(say, parts)
  const last = texts.pop() ?? null
  const begun = texts.map((text) => ({ event: null, data: chunk([{ text }], model, null), pause: parts > 1 }))
  return [...begun, { event: null, data: chunk(partsOf(last, calls), model, usage) }]
}

function error(status: number): unknown {
  const names: Readonly<Record<number, string>> = { 401: 'UNAUTHENTICATED', 429: 'RESOURCE_EXHAUSTED' }
  return { error: { code: status, message: `scripted status ${status}`, status: names[status] ?? 'INTERNAL' } }
}

export const gemini: Wire = {
  read,
  begin: (_id, model) => [{ event: null, data: chunk([{ text: 'Let me ' }], model, null) }],
  stream,
  whole: (_id, model, say, calls, usage) => chunk(partsOf(say, calls), model, usage),
  error,
}
