/** Anthropic's messages API: reads requests, writes replies. */
import type { ModelMessage, ModelRequest, ModelUsage, ToolCall } from './types.ts'
import type { Frame, Wire } from './wire.ts'
import { list, record, string, pieces } from './wire.ts'

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return list(content)
    .map((block) => {
      const b = record(block)
      if (b.type === 'tool_use') return `${string(b.name)}(${JSON.stringify(b.input)})`
      if (b.type === 'tool_result') return textOf(b.content)
      return string(b.text ?? b.thinking)
    })
    .join('\n')
}

function messagesOf(body: Readonly<Record<string, unknown>>): ModelMessage[] {
  const system: ModelMessage[] = body.system === undefined ? [] : [{ role: 'system', text: textOf(body.system) }]
  return [
    ...system,
    ...list(body.messages).map((entry): ModelMessage => {
      const { role, content } = record(entry)
      const isResult = list(content).some((block) => record(block).type === 'tool_result')
      return {
        role: isResult ? 'tool' : role === 'assistant' ? 'assistant' : role === 'system' ? 'system' : 'user',
        text: textOf(content),
      }
    }),
  ]
}

function read(body: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>): ModelRequest {
  const messages = messagesOf(body)
  const effort = record(body.output_config).effort
  return {
    api: 'anthropic',
    model: string(body.model),
    effort: typeof effort === 'string' ? effort : null,
    messages,
    text: messages.map((entry) => entry.text).join('\n'),
    tools: list(body.tools).map((tool) => string(record(tool).name)),
    headers,
    body,
  }
}

function frame(type: string, data: Readonly<Record<string, unknown>>): Frame {
  return { event: type, data: { type, ...data } }
}

function message(id: string, model: string, usage: ModelUsage) {
  return {
    id: `msg_${id}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [] as unknown[],
    stop_reason: null as string | null,
    stop_sequence: null,
    usage: { input_tokens: usage.input, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  }
}

function begin(id: string, model: string, usage: ModelUsage): Frame[] {
  return [
    frame('message_start', { message: message(id, model, usage) }),
    frame('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Let me ' } }),
  ]
}

function stream(
  id: string,
  model: string,
  say: string | null,
  calls: readonly ToolCall[],
  usage: ModelUsage,
  parts: number,
): Frame[] {
  const frames = [frame('message_start', { message: message(id, model, usage) })]
  let index = 0
  if (say !== null) {
    frames.push(frame('content_block_start', { index, content_block: { type: 'text', text: '' } }))
    for (const text of pieces(say, parts)) {
      frames.push({ ...frame('content_block_delta', { index, delta: { type: 'text_delta', text } }), pause: parts > 1 })
    }
    frames.push(frame('content_block_stop', { index: index++ }))
  }
  for (const [n, call] of calls.entries()) {
    const block = { type: 'tool_use', id: `toolu_${id}_${n}`, name: call.name, input: {} }
    frames.push(
      frame('content_block_start', { index, content_block: block }),
      frame('content_block_delta', {
        index,
        delta: { type: 'input_json_delta', partial_json: JSON.stringify(call.input) },
      }),
      frame('content_block_stop', { index: index++ }),
    )
  }
  const stop = calls.length > 0 ? 'tool_use' : 'end_turn'
  frames.push(
    frame('message_delta', {
      delta: { stop_reason: stop, stop_sequence: null },
      usage: { output_tokens: usage.output },
    }),
    frame('message_stop', {}),
  )
  return frames
}

function whole(id: string, model: string, say: string | null, calls: readonly ToolCall[], usage: ModelUsage): unknown {
  const text = say === null ? [] : [{ type: 'text', text: say }]
  const tools = calls.map((call, n) => ({
    type: 'tool_use',
    id: `toolu_${id}_${n}`,
    name: call.name,
    input: call.input,
  }))
  const base = message(id, model, usage)
  return {
    ...base,
    content: [...text, ...tools],
    stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
    usage: { ...base.usage, output_tokens: usage.output },
  }
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

function error(status: number): unknown {
  return {
    type: 'error',
    error: { type: ERROR_TYPES[status] ?? 'api_error', message: `scripted status ${status}` },
    request_id: 'req_1',
  }
}

export const anthropic: Wire = { read, begin, stream, whole, error }
