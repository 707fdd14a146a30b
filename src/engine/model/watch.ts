/** `fetch` for one model call that keeps what the service says of a failure: the wire formats pass on the message only. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { head } from '../../core/text.ts'
import type { HttpAnswer } from './failure.ts'
import { httpFetch } from './http.ts'

/** The last answer that was no success; filled while a call runs. */
export interface Heard {
  answer: HttpAnswer | null
}

const BODY = 4096

export function watchedFetch(heard: Heard): typeof globalThis.fetch {
  return async (input, init) => {
    heard.answer = null
    const response = await httpFetch(input, init)
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
