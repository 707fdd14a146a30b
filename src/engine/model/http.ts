/**
 * `fetch` over node:http for calls to model services. The built-in `fetch` costs a short-lived process 20 MB and 40 ms, because
 * it loads a whole HTTP client. This one supports what the wire formats need: text or bytes in, a stream out, abort, proxies.
 */
import { pipeline, Readable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { Headers as LightHeaders } from './headers.ts'
import { endingLastEvent } from './last-event.ts'

type Input = Parameters<typeof globalThis.fetch>[0]
type Init = Parameters<typeof globalThis.fetch>[1]

/**
 * As `fetch`, for absolute http(s) URLs and bodies of text or bytes. Redirects are not followed, so that a key is only sent to
 * the address it was meant for.
 */
export async function httpFetch(input: Input, init: Init = {}): Promise<Response> {
  const url = new URL(input instanceof URL ? input : typeof input === 'string' ? input : input.url)
  const { signal } = init
  const body = bytesOf(init.body)
  const secure = url.protocol === 'https:'
  // Not imported: importing node:http evaluates all of its exports, one of which loads the very client avoided here.
  const { request, Agent } = process.getBuiltinModule(secure ? 'node:https' : 'node:http')
  const headers = Object.fromEntries(pairs(init.headers))
  const options: RequestOptions = {
    method: init.method ?? 'GET',
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': body.byteLength }) },
    agent: agentFor(secure, Agent),
    ...(signal ? { signal } : {}),
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent: ClientRequest = request(url, options, resolve)
    sent.on('error', reject)
    sent.end(body)
  })
  return responseOf(response, url)
}

function bytesOf(body: NonNullable<Init>['body']): Uint8Array | undefined {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  throw new TypeError('only text and bytes can be sent')
}

interface AgentOptions {
  readonly keepAlive: boolean
  readonly proxyEnv: NodeJS.ProcessEnv
}

type AgentClass = new (options: AgentOptions) => NonNullable<RequestOptions['agent']>

const agents = new Map<boolean, NonNullable<RequestOptions['agent']>>()

/** One agent per protocol: it keeps connections open between calls, and honours the environment's proxy variables. */
function agentFor(secure: boolean, Agent: unknown): NonNullable<RequestOptions['agent']> {
  const found = agents.get(secure) ?? new (Agent as AgentClass)({ keepAlive: true, proxyEnv: process.env })
  agents.set(secure, found)
  return found
}

function pairs(headers: NonNullable<Init>['headers']): [string, string][] {
  if (headers === undefined) return []
  return Symbol.iterator in headers
    ? [...(headers as Iterable<[string, string]>)]
    : Object.entries(headers as Readonly<Record<string, string>>)
}

/** The parts of a Response that the wire formats and the loop read. */
function responseOf(incoming: IncomingMessage, url: URL): Response {
  const status = incoming.statusCode ?? 0
  const headers = new LightHeaders()
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.append(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const content = readable(incoming)
  let whole: Promise<string> | undefined
  const text = (): Promise<string> => (whole ??= readAll(content))
  let stream: unknown
  const response = {
    status,
    ok: status >= 200 && status < 300,
    statusText: incoming.statusMessage ?? '',
    url: url.href,
    redirected: false,
    type: 'basic',
    headers,
    get body() {
      return (stream ??= Readable.toWeb(content))
    },
    get bodyUsed() {
      return whole !== undefined || stream !== undefined
    },
    text,
    json: async (): Promise<unknown> => JSON.parse(await text()),
    // A copy is only ever used to read the text a second time.
    clone: () => response,
  }
  return response as unknown as Response
}

function readable(incoming: IncomingMessage): Readable {
  const content = unpacked(incoming)
  if (!/^text\/event-stream\b/i.test(incoming.headers['content-type'] ?? '')) return content
  return pipeline(content, endingLastEvent(), () => {})
}

/** Decompresses: no compression is asked for, but some gateways compress anyway. */
function unpacked(incoming: IncomingMessage): Readable {
  const encoding = incoming.headers['content-encoding']
  if (encoding === undefined || !/^(x-gzip|gzip|deflate|br|zstd)$/i.test(encoding)) return incoming
  const { createUnzip, createBrotliDecompress, createZstdDecompress } = process.getBuiltinModule('node:zlib')
  const name = encoding.toLowerCase()
  const make = name === 'br' ? createBrotliDecompress : name === 'zstd' ? createZstdDecompress : createUnzip
  // `pipeline` destroys each stream with the other's error, so that the reader sees it.
  return pipeline(incoming, make(), () => {})
}
