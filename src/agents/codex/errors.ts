import { isoOrNull } from '../../core/clock.ts'
import type { TurnErrorCode } from '../port.ts'
import type { CodexErrorInfo, RateLimitSnapshot, TurnError } from './protocol.gen.ts'

export interface Fault {
  readonly code: TurnErrorCode
  readonly message: string
  /** ISO time; null: none was named. */
  readonly retryAt: string | null
}

/** Classifies a failed turn. `limits`: the account's rate limits as last reported. */
export function faultOf(error: TurnError | null, limits: RateLimitSnapshot | null, now: number): Fault {
  if (error === null) return { code: 'failed', message: 'codex reported a failed turn without a reason', retryAt: null }
  const message = error.additionalDetails ? `${error.message} (${error.additionalDetails})` : error.message
  const code = codeOf(error.codexErrorInfo, error.message)
  const retryAt =
    code === 'quota' ? (resetOf(limits) ?? dateIn(message, now)) : code === 'rate_limit' ? delayIn(message, now) : null
  return { code, message, retryAt: retryAt === null ? null : isoOrNull(retryAt) }
}

const CODES: Readonly<Record<string, TurnErrorCode>> = {
  usageLimitExceeded: 'quota',
  rateLimitExceeded: 'rate_limit',
  serverOverloaded: 'rate_limit',
  flexUnavailable: 'rate_limit',
  policyCapacityUnavailable: 'rate_limit',
  unauthorized: 'auth',
  internalServerError: 'provider',
}

function codeOf(info: CodexErrorInfo | null, message: string): TurnErrorCode {
  if (typeof info === 'string') return CODES[info] ?? codeOfText(message)
  for (const detail of Object.values(info ?? {})) {
    if (typeof detail !== 'object' || detail === null || !('httpStatusCode' in detail)) continue
    return codeOfStatus((detail as { readonly httpStatusCode: number | null }).httpStatusCode)
  }
  return codeOfText(message)
}

/** Without a status, the connection itself failed. */
function codeOfStatus(status: number | null): TurnErrorCode {
  if (status === 401 || status === 403) return 'auth'
  if (status === 429 || status === 529) return 'rate_limit'
  return status === null || status >= 500 || status === 408 ? 'provider' : 'failed'
}

/** Codex reports some faults as `other`; only their text tells them apart. */
function codeOfText(message: string): TurnErrorCode {
  if (/^Missing environment variable|not logged in/i.test(message)) return 'auth'
  return /stream disconnected|error sending request|connection (refused|reset)|timed out/i.test(message)
    ? 'provider'
    : 'failed'
}

/** When the last of the used-up limits resets, in ms; null: none is used up, or no time is known. */
export function resetOf(limits: RateLimitSnapshot | null): number | null {
  const full = [limits?.primary, limits?.secondary].filter((window) => window && window.usedPercent >= 100)
  const times = full.flatMap((window) => (typeof window?.resetsAt === 'number' ? [window.resetsAt * 1000] : []))
  return times.length === 0 ? null : Math.max(...times)
}

/** Understands "try again in 1.5s", "in 20ms" and "in 1 minute". */
function delayIn(message: string, now: number): number | null {
  const found = /try again in (\d+(?:\.\d+)?)\s*(ms|s|m)/i.exec(message)
  const unit = { ms: 1, s: 1000, m: 60_000 }[found?.[2]?.toLowerCase() ?? '']
  return found?.[1] === undefined || unit === undefined ? null : now + Number(found[1]) * unit
}

/** Understands "try again at Nov 30th, 2026 12:53 AM", and "at 12:53 AM" for the next such time; both in local time. */
function dateIn(message: string, now: number): number | null {
  const text = /try again at ([^.]+)/i
    .exec(message)?.[1]
    ?.trim()
    .replace(/(\d)(st|nd|rd|th)\b/, '$1')
  if (text === undefined) return null
  const full = Date.parse(text)
  if (!Number.isNaN(full)) return full
  const today = Date.parse(`${new Date(now).toDateString()} ${text}`)
  if (Number.isNaN(today)) return null
  return today > now ? today : today + 86_400_000
}
