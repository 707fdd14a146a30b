/** `fetch` for one model call that keeps what the service says of a failure: the wire formats pass on the message only. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { BLOCKED, type HttpAnswer } from './failure.ts'
import { httpFetch } from './http.ts'

/** What the last request of a call came to, beside the answer itself; filled while the call runs. */
export interface LastResponse {
  /** An answer that was no success, or no interface's. */
  answer: HttpAnswer | null
  /** Why there was none at all: the wire formats only say that the connection failed. */
  unreached: string | null
}

const BODY = 4096

function isOf(type: string, { headers }: Response): boolean {
  return headers.get('content-type')?.startsWith(type) === true
}

/** Only Google says in its stream, and nowhere else, why there is none. */
function mayBeOther(response: Response): boolean {
  if (isOf('text/html', response)) return false
  return !isOf('text/event-stream', response) || response.url.includes(':streamGenerateContent')
}

/**
 * Notes the beginning of an answer that should be a stream and is something else: an error under a wrong status, or a whole
 * answer of a service that knows no streams, or a stream that only says why there is no answer.
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

/** Of an answer's beginning: that it may be one of server-sent events. */
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

/** Runs `start` so that what it fetches, also later, goes by `watchedFetch`: for a wire format that takes no other `fetch`. */
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
