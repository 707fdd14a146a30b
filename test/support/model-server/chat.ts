/** OpenAI's chat completions, as every compatible server speaks them: reads requests, writes replies. */
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
  const { role, content, tool_calls: calls } = record(entry)
  const called = list(calls).map((call) => {
    const { name, arguments: input } = record(record(call).function)
    return `${string(name)}(${string(input)})`
  })
  const text = [textOf(content), ...called].filter((part) => part !== '').join('\n')
  if (role === 'tool') return { role: 'tool', text }
  return { role: role === 'assistant' ? 'assistant' : role === 'user' ? 'user' : 'system', text }
}

function read(body: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>>): ModelRequest {
  const messages = list(body.messages).map(messageOf)
  return {
    api: 'chat',
    model: string(body.model),
    effort: typeof body.reasoning_effort === 'string' ? body.reasoning_effort : null,
    messages,
    text: messages.map((message) => message.text).join('\n'),
    tools: list(body.tools).map((tool) => string(record(record(tool).function).name)),
    headers,
    body,
  }
}

function usageOf({ input, output }: ModelUsage) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
}

function chunk(id: string, model: string, delta: unknown, finish: string | null = null): Frame {
  const choices = [{ index: 0, delta, finish_reason: finish }]
  return {
    event: 'message',
    data: { id: `chatcmpl-${id}`, object: 'chat.completion.chunk', created: 1_700_000_000, model, choices },
  }
}

function begin(id: string, model: string): Frame[] {
  return [chunk(id, model, { role: 'assistant', content: 'Let me ' })]
}

function callsOf(id: string, calls: readonly ToolCall[]) {
  return calls.map(({ name, input }, index) => ({
    index,
    id: `call_${id}_${index}`,
    type: 'function',
    function: { name, arguments: typeof input === 'string' ? input : JSON.stringify(input) },
  }))
}

function stream(
  id: string,
  model: string,
  say: string | null,
  calls: readonly ToolCall[],
  usage: ModelUsage,
  parts: number,
): Frame[] {
  const frames = [chunk(id, model, { role: 'assistant', content: '' })]
  for (const content of pieces(say ?? '', parts)) frames.push({ ...chunk(id, model, { content }), pause: parts > 1 })
  for (const call of callsOf(id, calls)) frames.push(chunk(id, model, { tool_calls: [call] }))
  const last = chunk(id, model, {}, calls.length > 0 ? 'tool_calls' : 'stop')
  return [...frames, last, { event: 'message', data: { ...last.data, choices: [], usage: usageOf(usage) } }]
}

function whole(id: string, model: string, say: string | null, calls: readonly ToolCall[], usage: ModelUsage): unknown {
  const message = { role: 'assistant', content: say, ...(calls.length > 0 ? { tool_calls: callsOf(id, calls) } : {}) }
  const finish = calls.length > 0 ? 'tool_calls' : 'stop'
  const choices = [{ index: 0, message, finish_reason: finish }]
  return {
    id: `chatcmpl-${id}`,
    object: 'chat.completion',
    created: 1_700_000_000,
    model,
    choices,
    usage: usageOf(usage),
  }
}

function error(status: number): unknown {
  return { error: { message: `scripted status ${status}`, type: 'scripted_error', param: null, code: null } }
}

export const chat: Wire = { read, begin, stream, whole, error }
