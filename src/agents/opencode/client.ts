/** opencode's HTTP server, as far as a turn needs it. */
import { Readable } from 'node:stream'
import { lines } from '../../process/index.ts'
import { asFrame, asText, jsonOrNull, type Frame } from '../stdio/index.ts'

/** Longer events are cut, and then are no JSON any more. */
const MAX_EVENT = 8 << 20

/** A request that the server refused. */
export class ServerRefusal extends Error {
  readonly status: number

  constructor(what: string, status: number, body: string) {
    const { data, message, name } = asFrame(jsonOrNull(body))
    const said = asText(asFrame(data).message) ?? asText(message) ?? asText(name) ?? body.slice(0, 500)
    super(`${what} was refused (${status}): ${said}`)
    this.status = status
  }
}

/** Speaks to the server at `url` with its password, until `signal` aborts. */
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

  /** The JSON answer, null when there is none. Throws `ServerRefusal`, or what `fetch` throws when the server is gone. */
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

  /** Opens the stream of events; resolves when it is open, so that nothing after it is missed. */
  async events(): Promise<AsyncGenerator<{ readonly text: string; readonly event: Frame | null }>> {
    const response = await fetch(`${this.#url}/event`, { headers: this.#headers, signal: this.#signal })
    if (!response.ok || response.body === null) {
      throw new ServerRefusal('GET /event', response.status, await response.text())
    }
    return eventsIn(response)
  }
}

/**
 * The stream is made when it is read, not before: one that breaks while nobody listens to it would end Belay. Until then the
 * response itself is held: of one that is collected, `fetch` cancels the body.
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
