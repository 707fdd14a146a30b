import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, json } from 'node:stream/consumers'
import { zstdDecompressSync } from 'node:zlib'
import { anthropic } from './anthropic.ts'
import { chat } from './chat.ts'
import { gemini, isGemini } from './gemini.ts'
import { openai } from './openai.ts'
import { Script } from './script.ts'
import type { ModelRequest, ModelServer, ModelServerOptions, Reply } from './types.ts'
import { record, type Frame, type Wire } from './wire.ts'

const USAGE = { input: 100, output: 10 }

/**
 * Starts a scripted model on a free loopback port. It speaks Anthropic's messages API, OpenAI's responses API and chat
 * completions, and Gemini's generateContent, with and without streaming. Every request is recorded, and checked by its step
 * before it is answered.
 */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const script = new Script(options)
  const closing = new AbortController()
  let replies = 0
  const server = createServer((request, response) => {
    // It is normal that a client goes away during its answer.
    response.on('error', () => response.destroy())
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) sendJson(response, 500, { error: { message: String(error) } })
      else response.destroy()
    })
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://model').pathname
    if (request.method !== 'POST') {
      if (path.endsWith('/models')) sendJson(response, 200, { object: 'list', data: [] })
      else response.writeHead(200).end()
      return
    }
    const body = record(await bodyOf(request))
    if (path.endsWith('/count_tokens')) {
      sendJson(response, 200, { input_tokens: USAGE.input })
      return
    }
    if (path.endsWith(':countTokens')) {
      sendJson(response, 200, { totalTokens: USAGE.input })
      return
    }
    const wire = wireOf(path)
    if (!wire) {
      sendJson(response, 404, { error: { type: 'not_found_error', message: `no such endpoint: ${path}` } })
      return
    }
    const asked = wire.read(body, headersOf(request.headers), path)
    replies += 1
    const streamed = body.stream === true || path.endsWith(':streamGenerateContent')
    await perform(wire, asked, streamed, script.replyTo(asked), String(replies), response, closing.signal)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  let closed = false
  return {
    url: `http://127.0.0.1:${port}`,
    requests: script.requests,
    side: script.side,
    reached: (index, route) => script.reached(index, route),
    async close({ unasked } = { unasked: 'fail' }) {
      if (closed) return
      closed = true
      closing.abort()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      const problems = script.problems(unasked === 'fail')
      if (problems.length > 0) {
        throw new AggregateError(problems, `the script was not followed:\n${problems.map((p) => p.message).join('\n')}`)
      }
    },
  }
}

function wireOf(path: string): Wire | null {
  if (path.endsWith('/messages')) return anthropic
  if (path.endsWith('/responses')) return openai
  if (path.endsWith('/chat/completions')) return chat
  return isGemini(path) ? gemini : null
}

async function perform(
  wire: Wire,
  { model }: ModelRequest,
  streamed: boolean,
  reply: Reply,
  id: string,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  if ('hang' in reply) return
  if ('status' in reply) {
    sendJson(response, reply.status, reply.body ?? wire.error(reply.status), reply.headers)
    return
  }
  if ('disconnect' in reply) {
    await sendFrames(response, wire.begin(id, model, USAGE), 0, closing)
    response.destroy()
    return
  }
  const say = reply.say ?? null
  const calls = 'calls' in reply ? reply.calls : []
  const usage = reply.usage ?? USAGE
  if (!streamed) {
    sendJson(response, 200, wire.whole(id, model, say, calls, usage))
    return
  }
  const [parts, gapMs] = 'calls' in reply ? [1, 0] : [reply.pieces ?? 1, reply.gapMs ?? 5]
  await sendFrames(response, wire.stream(id, model, say, calls, usage, parts), gapMs, closing)
  response.end()
}

async function sendFrames(
  response: ServerResponse,
  frames: Frame[],
  gapMs: number,
  closing: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  for (const { event, data, pause } of frames) {
    if (pause && gapMs > 0) await new Promise((resolve) => setTimeout(resolve, gapMs))
    if (closing.aborted || response.destroyed) return
    await new Promise((resolve) =>
      response.write(`${event === null ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`, resolve),
    )
  }
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (request.headers['content-encoding'] !== 'zstd') return json(request)
  return JSON.parse(zstdDecompressSync(await buffer(request)).toString())
}

function headersOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
