/** `fetch` for one model call that keeps what the service says of a failure: the wire formats pass on the message only. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import type { HttpAnswer } from './failure.ts'
import { httpFetch } from './http.ts'

/** What came of the last request beside the answer itself; filled while a call runs. */
export interface Heard {
  /** An answer that was no success, or no interface's. */
  answer: HttpAnswer | null
  /** Why there was none at all: the wire formats only say that the connection failed. */
  unreached: string | null
}

const BODY = 4096

function isPage({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/html') === true
}

export function watchedFetch(heard: Heard): typeof globalThis.fetch {
  return async (input, init) => {
    heard.answer = null
    heard.unreached = null
    const response = await httpFetch(input, init).catch((error: unknown) => {
      heard.unreached = messageOf(error)
      throw error
    })
    if (isPage(response))
      heard.answer = { status: response.status, headers: Object.fromEntries(response.headers), body: '' }
    if (!response.ok) {
      const body = head(await response.text(), BODY)
      heard.answer = { status: response.status, headers: Object.fromEntries(response.headers), body }
    }
    return response
  }
}

const calls = new AsyncLocalStorage<Heard>()
let isInstalled = false

/** Runs `start` so that what it fetches, also later, goes by `watchedFetch`: for a wire format that takes no other `fetch`. */
export function watchingGlobalFetch<T>(heard: Heard, start: () => T): T {
  if (!isInstalled) {
    isInstalled = true
    const builtIn = globalThis.fetch
    globalThis.fetch = (input, init) => {
      const call = calls.getStore()
      return call === undefined ? builtIn(input, init) : watchedFetch(call)(input, init)
    }
  }
  return calls.run(heard, start)
}
