/** OpenAI's responses API: reads requests, writes replies. */
import type { ModelMessage, ModelRequest, ModelUsage, ToolCall } from './types.ts'
import type { Frame, Wire } from './wire.ts'
import { list, pieces, record, string } from './wire.ts'

function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  return list(content)
    .map((part) => string(record(part).text))
    .join('\n')
}

function messageOf(entry: unknown): ModelMessage {
  const item = record(entry)
  switch (item.type) {
    case 'function_call':
    case 'custom_tool_call':
      return { role: 'assistant', text: `${string(item.name)}(${string(item.arguments ?? item.input)})` }
    case 'function_call_output':
    case 'custom_tool_call_output':
      return { role: 'tool', text: textOf(item.output) }
    case 'reasoning':
      return { role: 'assistant', text: textOf(item.summary) }
    default: {
      const role = item.role === 'assistant' ? 'assistant' : item.role === 'user' ? 'user' : 'system'
      return { role, text: textOf(item.content) }
    }
  }
}

function read(body: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>): ModelRequest {
  const system: ModelMessage[] =
    typeof body.instructions === 'string' ? [{ role: 'system', text: body.instructions }] : []
  const input = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : list(body.input)
  const messages = [...system, ...input.map(messageOf)]
  const effort = record(body.reasoning).effort
  return {
    api: 'openai',
    model: string(body.model),
    effort: typeof effort === 'string' ? effort : null,
    messages,
    text: messages.map((message) => message.text).join('\n'),
    tools: list(body.tools).map((tool) => string(record(tool).name ?? record(tool).type)),
    headers,
    body,
  }
}

function frame(type: string, data: Readonly<Record<string, unknown>>): Frame {
  return { event: type, data: { type, ...data } }
}

function response(id: string, model: string, status: string, output: readonly unknown[], usage: ModelUsage | null) {
  return {
    id: `resp_${id}`,
    object: 'response',
    created_at: 1_700_000_000,
    status,
    model,
    output,
    error: null,
    usage: usage && {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.input + usage.output,
    },
  }
}

function messageItem(id: string, text: string) {
  const content = [{ type: 'output_text', text, annotations: [], logprobs: [] }]
  return { type: 'message', id: `msg_${id}`, role: 'assistant', status: 'completed', content }
}

function callItem(id: string, n: number, { name, input }: ToolCall) {
  const common = { id: `item_${id}_${n}`, call_id: `call_${id}_${n}`, name, status: 'completed' }
  return typeof input === 'string'
    ? { type: 'custom_tool_call', ...common, input }
    : { type: 'function_call', ...common, arguments: JSON.stringify(input) }
}

function begin(id: string, model: string): Frame[] {
  const item = { ...messageItem(id, ''), status: 'in_progress', content: [] }
  return [
    frame('response.created', { response: response(id, model, 'in_progress', [], null) }),
    frame('response.output_item.added', { output_index: 0, item }),
    frame('response.output_text.delta', { item_id: item.id, output_index: 0, content_index: 0, delta: 'Let me ' }),
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
  const frames = [frame('response.created', { response: response(id, model, 'in_progress', [], null) })]
  const output: unknown[] = []
  if (say !== null) {
    const item = messageItem(id, say)
    const at = { item_id: item.id, output_index: 0, content_index: 0 }
    frames.push(
      frame('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress', content: [] } }),
    )
    for (const delta of pieces(say, parts)) {
      frames.push({ ...frame('response.output_text.delta', { ...at, delta }), pause: parts > 1 })
    }
    frames.push(frame('response.output_item.done', { output_index: 0, item }))
    output.push(item)
  }
  for (const [n, call] of calls.entries()) {
    const item = callItem(id, n, call)
    frames.push(
      frame('response.output_item.added', { output_index: output.length, item: { ...item, status: 'in_progress' } }),
      frame('response.output_item.done', { output_index: output.length, item }),
    )
    output.push(item)
  }
  frames.push(frame('response.completed', { response: response(id, model, 'completed', output, usage) }))
  return frames
}

function whole(id: string, model: string, say: string | null, calls: readonly ToolCall[], usage: ModelUsage): unknown {
  const output = [...(say === null ? [] : [messageItem(id, say)]), ...calls.map((call, n) => callItem(id, n, call))]
  return response(id, model, 'completed', output, usage)
}

function error(status: number): unknown {
  return { error: { message: `scripted status ${status}`, type: 'scripted_error', param: null, code: null } }
}

export const openai: Wire = { read, begin, stream, whole, error }
