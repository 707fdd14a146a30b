import { isoOrNull } from '../../core/clock.ts'
import { head } from '../../core/text.ts'

/** The service's HTTP answer, if there was one. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The beginning of the body, for an answer that reports a failure. */
  readonly body: string
}

export type FailureKind =
  | 'rate_limit' // too many requests, or overloaded
  | 'quota' // the account's allowance is used up
  | 'auth'
  | 'overflow' // the conversation does not fit the model's window
  | 'refused' // the model declined
  | 'provider' // the service or the connection failed
  | 'invalid' // the service did not accept the request

export interface Failure {
  readonly kind: FailureKind
  readonly message: string
  /** Whether the same request may succeed a little later. */
  readonly retryable: boolean
  /** When the service says to try again, in ms since the epoch; null: it did not say. */
  readonly retryAt: number | null
  /** Which address and which key were used, if they may be to blame; shown to people when the turn ends. */
  readonly asked?: string
}

const MESSAGE = 2000

const OVERFLOW =
  /prompt (is )?too long|request_too_large|input is too long|exceeds? (the )?(model'?s )?(maximum )?context|context[_ ](length|window)[_ ]exceed|maximum context length|input token count.*exceeds|reduce the length of the messages|available context size|too many tokens|range of input length/i
const QUOTA =
  /insufficient_quota|exceeded your current quota|usage[_ ]limit|billing_(hard_limit|error)|credit balance is too low|PerDay|quota_exceeded|out of (credits|quota)/i
const REFUSED =
  /refused to complete|refusal|content[_ ]filter|sensitive|safety|PROHIBITED_CONTENT|BLOCKLIST|RECITATION|SPII|invalid_prompt/i
/** Google reports a bad key with the status of a bad request. */
const BAD_KEY = /API_KEY_INVALID|API key (not valid|expired)/
/** How the wire formats report a stop reason that they do not know. */
const STOPPED = /^(?:Unhandled stop reason|Provider finish_reason|Provider stopped with): (\S+)$/
const PASSING = /error|network|malformed|unexpected|other/i
const OVERLOADED = /overloaded|rate[_ ]limit|too many requests|RESOURCE_EXHAUSTED|capacity/i

/** Classifies a failed model call. `message`: the wire format's error message. `http`: the service's last answer. */
export function failureOf(message: string, http: HttpAnswer | null, now: number): Failure {
  const blocked = http === null ? null : blockedIn(http)
  if (blocked !== null) return { kind: 'refused', message: blocked, retryable: false, retryAt: null }
  const wrongPlace = http === null ? null : wrongPlaceIn(http)
  if (wrongPlace !== null) return { kind: 'invalid', message: wrongPlace, retryable: false, retryAt: null }
  const said = head(http?.body ? textOf(http.body, http.status) : message, MESSAGE) || message
  const status = http !== null && http.status >= 400 ? http.status : statusIn(http?.body ? http.body : message)
  // The service's own words count; the wire format's message only where there are none.
  const all = http?.body ? http.body : message
  const retryAt = http === null ? retryAtIn(message, now) : retryAtOf(http, now)
  const make = (kind: FailureKind, retryable: boolean): Failure => ({ kind, message: said, retryable, retryAt })
  if (status === 413 || (status === 400 && OVERFLOW.test(all)) || (status === null && OVERFLOW.test(message)))
    return make('overflow', false)
  if (status === 401 || status === 403 || (status === 400 && BAD_KEY.test(all))) return make('auth', false)
  if (status === 402) return make('quota', false)
  if (status === 429 || status === 529 || (status === 503 && OVERLOADED.test(all))) {
    return isQuota(http, all) ? make('quota', false) : make('rate_limit', true)
  }
  if (status !== null && (status >= 500 || status === 408 || status === 409)) return make('provider', true)
  if (status !== null) return make('invalid', false)
  if (OVERLOADED.test(message)) return make('rate_limit', true)
  if (QUOTA.test(message)) return make('quota', false)
  if (REFUSED.test(message)) return make('refused', false)
  const odd = oddityIn(message)
  if (odd !== null) return { ...make('provider', false), message: odd }
  // No status at all: the connection was refused or broke, or the stream ended early.
  return make('provider', true)
}

/** When Google blocks a prompt, its stream holds only the reason and no answer. */
function blockedIn({ status, body }: HttpAnswer): string | null {
  const why = status < 300 ? BLOCKED.exec(body)?.[1] : undefined
  return why === undefined ? null : `the service blocked the prompt: ${why}`
}

export const BLOCKED = /"blockReason"\s*:\s*"([A-Z_]{1,60})"/

/** A failure that a retry would repeat, and have to pay for again; null: it may be temporary. */
function oddityIn(message: string): string | null {
  const reason = STOPPED.exec(message)?.[1]
  if (reason !== undefined && !PASSING.test(reason))
    return `the service ended its answer with "${head(reason, 100)}", which Belay does not know`
  return message.startsWith('Cannot read properties of ')
    ? `the service answers in a form that its interface does not have (${message})`
    : null
}

/** The address does not lead to a model service, so that asking again is no use; null: it seems to. */
function wrongPlaceIn({ status, headers, body }: HttpAnswer): string | null {
  if (status >= 300 && status < 400) {
    const to = headers['location']
    return `the service answers with a redirect${to === undefined ? '' : ` to ${head(to, 200)}`}, which is not followed: is its address right?`
  }
  const page = status < 300 && headers['content-type']?.startsWith('text/html') === true
  if (page) return 'the service answers with a web page: is its address right (many end in /v1)?'
  const isWhole = status < 300 && body !== '' && !isError(body)
  return isWhole ? `the service answers with something else than a stream: ${head(body, 200)}` : null
}

function isError(body: string): boolean {
  return /"error"\s*:\s*[{"]/.test(body)
}

function isQuota(http: HttpAnswer | null, all: string): boolean {
  return http?.headers['anthropic-ratelimit-unified-status'] === 'rejected' || QUOTA.test(all)
}

/** The wire formats put the status at the start of the message, or the whole JSON body into it. */
function statusIn(message: string): number | null {
  const found = /^(\d{3})\b/.exec(message) ?? /"code"\s*:\s*(\d{3})\b/.exec(message)
  const status = Number(found?.[1])
  return status >= 400 && status < 600 ? status : null
}

function textOf(body: string, status: number): string {
  if (/^\s*<(!doctype\s+html|html)\b/i.test(body)) {
    const title = /<title[^>]*>([^<]*)/i.exec(body)?.[1]?.trim() ?? ''
    return `the service answers ${status} with a web page${title === '' ? '' : ` ("${head(title, 200)}")`}`
  }
  try {
    const parsed = JSON.parse(body) as { error?: { message?: unknown } | string; message?: unknown }
    const { error } = parsed
    const message = typeof error === 'string' ? error : (error?.message ?? parsed.message)
    return typeof message === 'string' && message !== '' ? message : body
  } catch {
    return body // not JSON: a proxy's page, or plain text
  }
}

function retryAtOf({ headers, body }: HttpAnswer, now: number): number | null {
  const ms = Number(headers['retry-after-ms'])
  if (headers['retry-after-ms'] !== undefined && Number.isFinite(ms)) return now + ms
  const after = headers['retry-after']
  if (after !== undefined) {
    const seconds = Number(after)
    const at = Number.isFinite(seconds) ? now + seconds * 1000 : Date.parse(after)
    if (Number.isFinite(at)) return at
  }
  const reset = Number(headers['anthropic-ratelimit-unified-reset'])
  if (headers['anthropic-ratelimit-unified-status'] === 'rejected' && Number.isFinite(reset)) return reset * 1000
  return retryAtIn(body, now)
}

/** Understands `"resets_at": 1795...` (seconds), `"retryDelay": "34s"`, and "try again in 1.5s". */
function retryAtIn(text: string, now: number): number | null {
  const at = /"resets_at"\s*:\s*(\d{9,11})\b/.exec(text)
  if (at) return Number(at[1]) * 1000
  const delay = /retryDelay"?\s*:\s*\\?"(\d+(?:\.\d+)?)s/.exec(text) ?? /try again in (\d+(?:\.\d+)?)\s*s/i.exec(text)
  return delay ? now + Number(delay[1]) * 1000 : null
}

/** `retryAt` as an ISO time, as the agent port has it. The service's number may be none that a date can have. */
export function retryTime(failure: Failure): string | null {
  return failure.retryAt === null ? null : isoOrNull(failure.retryAt)
}
