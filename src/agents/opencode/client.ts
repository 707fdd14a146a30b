/** The part of opencode's HTTP API that a turn needs. */
import { Readable } from 'node:stream'
import { lines } from '../../process/index.ts'
import { asFrame, asText, jsonOrNull, type Frame } from '../stdio/index.ts'

/** Longer events are cut, and then no longer valid JSON. */
const MAX_EVENT = 8 << 20

/** The server rejected a request. */
export class ServerRefusal extends Error {
  readonly status: number

  constructor(what: string, status: number, body: string) {
    const { data, message, name } = asFrame(jsonOrNull(body))
    const said = asText(asFrame(data).message) ?? asText(message) ?? asText(name) ?? body.slice(0, 500)
    super(`${what} was refused (${status}): ${said}`)
    this.status = status
  }
}

/** Talks to the server at `url` with its password, until `signal` aborts. */
export class OpencodeClient {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #signal: AbortSignal

  constructor(url: string, password: string, signal: AbortSignal) {
    this.#url = url
    const login = Buffer.from(`opencode:${password}`).toString('base64')
    this.#headers = { authorization: `Basic ${login}`, 'content-type': 'application/json' }
    this.#signal = signal
  }

  /**
   * Resolves to the JSON answer, or null if it is not JSON. Throws `ServerRefusal`, or the error of `fetch` if the server is
   * gone.
   */
  async call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: this.#headers,
      signal: this.#signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new ServerRefusal(`${method} ${path}`, response.status, text)
    return text === '' ? null : jsonOrNull(text)
  }

  /** Opens the stream of events. Resolves once it is open, so that no later event is missed. */
  async events(): Promise<AsyncGenerator<{ readonly text: string; readonly event: Frame | null }>> {
    const response = await fetch(`${this.#url}/event`, { headers: this.#headers, signal: this.#signal })
    if (!response.ok || response.body === null) {
      throw new ServerRefusal('GET /event', response.status, await response.text())
    }
    return eventsIn(response)
  }
}

/**
 * Creates the stream only when it is read: a stream that fails while nobody listens would crash Belay. Until then it keeps the
 * response referenced, because `fetch` cancels the body of a response that is garbage-collected.
 */
async function* eventsIn(response: Response): AsyncGenerator<{ readonly text: string; readonly event: Frame | null }> {
  if (response.body === null) return
  for await (const { text } of lines(Readable.fromWeb(response.body), MAX_EVENT)) {
    if (!text.startsWith('data:')) continue
    const said = text.slice('data:'.length).trim()
    const value = jsonOrNull(said)
    yield { text: said, event: typeof value === 'object' && value !== null ? asFrame(value) : null }
  }
}
