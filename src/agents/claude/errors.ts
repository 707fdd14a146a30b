import { isoOrNull } from '../../core/clock.ts'
import { head } from '../../core/text.ts'
import type { TurnErrorCode } from '../port.ts'
import { asFrame, asList, asText, type Frame } from '../stdio/index.ts'
import { resetTimeIn } from './reset-time.ts'

export interface Fault {
  readonly code: TurnErrorCode
  readonly message: string
  readonly retryAt: string | null
}

const MESSAGE = 4096

/** The CLI's names for kinds of API errors, in `error` of an assistant frame and of `api_retry`. */
const NAMED: Readonly<Record<string, TurnErrorCode>> = {
  authentication_failed: 'auth',
  oauth_org_not_allowed: 'auth',
  billing_error: 'quota',
  rate_limit: 'rate_limit',
  overloaded: 'rate_limit',
  server_error: 'provider',
  unknown: 'provider',
}

/**
 * Classifies a `result` that reports an error. `error`: the kind that the last API error frame named. `limit`: the last
 * `rate_limit_info`. Trap: an API failure is `subtype: success` with `is_error: true`.
 */
export function faultOf(result: Frame, error: string | null, limit: Frame, now: number): Fault {
  const said = [asText(result.result), ...asList(result.errors).map(asText)].filter(
    (text) => text !== null && text !== '',
  )
  const message = head(said.join('\n') || `the turn ended with ${asText(result.subtype) ?? 'an error'}`, MESSAGE)
  const code = codeOf(result, error, limit, message)
  return { code, message, retryAt: code === 'quota' || code === 'rate_limit' ? retryAt(limit, message, now) : null }
}

function codeOf(result: Frame, error: string | null, limit: Frame, message: string): TurnErrorCode {
  const status = typeof result.api_error_status === 'number' ? result.api_error_status : null
  const limited = status === 429 || error === 'rate_limit'
  if (result.api_error === 'usage_limit_reached' || (limited && limit.status === 'rejected')) return 'quota'
  if (limited && /usage limit|hit your .*limit|limit reached/i.test(message)) return 'quota'
  const named = error === null ? undefined : NAMED[error]
  if (named !== undefined && named !== 'provider') return named
  if (status === 429 || status === 529) return 'rate_limit'
  if (status === 401 || status === 403) return 'auth'
  if (status !== null && status >= 500) return 'provider'
  return named ?? (result.terminal_reason === 'api_error' && status === null && error === null ? 'provider' : 'failed')
}

function retryAt(limit: Frame, message: string, now: number): string | null {
  const { status, resetsAt } = limit
  const told = status === 'rejected' && typeof resetsAt === 'number' ? isoOrNull(resetsAt * 1000) : null
  return told ?? resetTimeIn(message, now)
}

/** The CLI refuses to skip permissions for root outside a sandbox, and says so on stderr only. */
export function launchHint(stderr: string): string | null {
  return /root\/sudo privileges/.test(stderr)
    ? 'Claude Code does not run unattended as root unless it is told that this is a sandbox: use another user, or set IS_SANDBOX=1 when this is a container or a throwaway machine'
    : null
}

/** The rate limit in a `rate_limit_event`. */
export function limitOf(frame: Frame): Frame {
  return asFrame(frame.rate_limit_info)
}
