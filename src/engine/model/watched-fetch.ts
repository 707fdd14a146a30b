/** `fetch` for one model call that records the service's failure, of which the wire formats only pass on the message. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { BLOCKED, type HttpAnswer } from './failure.ts'
import { httpFetch } from './http.ts'

/** What is known about the last request of a call beside the answer itself; filled in while the call runs. */
export interface LastResponse {
  /** An answer that reports failure, or that no model service would give. */
  answer: HttpAnswer | null
  /** Why there was no answer at all: the wire formats only say that the connection failed. */
  unreached: string | null
}

const BODY = 4096

function isOf(type: string, { headers }: Response): boolean {
  return headers.get('content-type')?.startsWith(type) === true
}

/** Google alone reports a blocked prompt inside an event stream. */
function mayBeOther(response: Response): boolean {
  if (isOf('text/html', response)) return false
  return !isOf('text/event-stream', response) || response.url.includes(':streamGenerateContent')
}

/**
 * Records the beginning of a body that should be an answer's stream but is something else: an error with a success status, a
 * complete answer from a service without streaming, or a stream that only says why there is no answer.
 */
function noteOther(response: Response, last: LastResponse): void {
  const headers = Object.fromEntries(response.headers)
  const decoder = new TextDecoder()
  let body = ''
  const listening = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, to) {
      if (body.length < BODY) {
        body = head(body + decoder.decode(chunk, { stream: true }), BODY)
        last.answer = isStream(body) && !BLOCKED.test(body) ? null : { status: response.status, headers, body }
      }
      to.enqueue(chunk)
    },
  })
  const stream = response.body?.pipeThrough(listening)
  Object.defineProperty(response, 'body', { value: stream })
}

/** Whether the body so far can be the beginning of server-sent events. */
function isStream(body: string): boolean {
  return /^\s*((data|event|id|retry)?:|$)/.test(body)
}

export function watchedFetch(last: LastResponse): typeof globalThis.fetch {
  return async (input, init) => {
    last.answer = null
    last.unreached = null
    const response = await httpFetch(input, init).catch((error: unknown) => {
      last.unreached = messageOf(error)
      throw error
    })
    if (response.ok && mayBeOther(response)) noteOther(response, last)
    if (isOf('text/html', response))
      last.answer = { status: response.status, headers: Object.fromEntries(response.headers), body: '' }
    if (!response.ok) {
      const body = head(await response.text(), BODY)
      last.answer = { status: response.status, headers: Object.fromEntries(response.headers), body }
    }
    return response
  }
}

const calls = new AsyncLocalStorage<LastResponse>()
let isInstalled = false

/**
 * Runs `start` so that every fetch it makes, then or later, uses `watchedFetch`: for a wire format that only uses the global
 * one.
 */
export function watchingGlobalFetch<T>(last: LastResponse, start: () => T): T {
  if (!isInstalled) {
    isInstalled = true
    const builtIn = globalThis.fetch
    globalThis.fetch = (input, init) => {
      const call = calls.getStore()
      return call === undefined ? builtIn(input, init) : watchedFetch(call)(input, init)
    }
  }
  return calls.run(last, start)
}
