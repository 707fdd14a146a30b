import { describe, expect, it } from 'vitest'
import { faultOf } from './errors.ts'
import type { CodexErrorInfo, RateLimitSnapshot } from './protocol.gen.ts'

const NOW = Date.parse('2026-11-21T09:00:00Z')

function error(codexErrorInfo: CodexErrorInfo | null, message = 'it broke') {
  return { message, codexErrorInfo, additionalDetails: null, misalignment: null }
}

function limits(
  primary: number,
  primaryAt: number | null,
  secondary?: number,
  secondaryAt?: number,
): RateLimitSnapshot {
  const window = (usedPercent: number, resetsAt: number | null) => ({ usedPercent, resetsAt, windowDurationMins: 300 })
  return {
    limitId: 'codex',
    limitName: null,
    normalModelSlug: null,
    primary: window(primary, primaryAt),
    secondary: secondary === undefined ? null : window(secondary, secondaryAt ?? null),
    credits: null,
    individualLimit: null,
    spendControlReached: null,
    planType: null,
    rateLimitReachedType: null,
  }
}

describe('faultOf', () => {
  it.each<[CodexErrorInfo | null, string, string]>([
    ['usageLimitExceeded', '', 'quota'],
    ['rateLimitExceeded', '', 'rate_limit'],
    ['serverOverloaded', '', 'rate_limit'],
    [{ responseTooManyFailedAttempts: { httpStatusCode: 429 } }, '', 'rate_limit'],
    ['unauthorized', '', 'auth'],
    [{ httpConnectionFailed: { httpStatusCode: 401 } }, '', 'auth'],
    [{ httpConnectionFailed: { httpStatusCode: 503 } }, '', 'provider'],
    [{ responseStreamDisconnected: { httpStatusCode: null } }, '', 'provider'],
    ['internalServerError', '', 'provider'],
    ['other', 'stream disconnected before completion: error sending request', 'provider'],
    ['other', 'Missing environment variable: `KEY`.', 'auth'],
    [{ httpConnectionFailed: { httpStatusCode: 400 } }, '', 'failed'],
    ['contextWindowExceeded', '', 'failed'],
    ['modelNotFound', '', 'failed'],
    ['somethingNew', '', 'failed'],
    [{ somethingNew: { a: 1 } }, '', 'failed'],
    [null, '', 'failed'],
  ])('%j %s is %s', (info, message, code) => {
    expect(faultOf(error(info, message), null, NOW).code).toBe(code)
  })

  it('takes the time of a quota from the window that is used up, the later of two', () => {
    const quota = error('usageLimitExceeded')
    const at = (seconds: number): string => new Date(seconds * 1000).toISOString()
    expect(faultOf(quota, limits(100, 1_800_000_000, 40, 1_900_000_000), NOW).retryAt).toBe(at(1_800_000_000))
    expect(faultOf(quota, limits(100, 1_800_000_000, 100, 1_900_000_000), NOW).retryAt).toBe(at(1_900_000_000))
    expect(faultOf(quota, limits(99, 1_800_000_000), NOW).retryAt).toBeNull()
    expect(faultOf(quota, limits(100, null), NOW).retryAt).toBeNull()
  })

  it('reads the time of a quota from the text when nothing else tells it', () => {
    const told = (text: string) => faultOf(error('usageLimitExceeded', `Try again at ${text}.`), null, NOW).retryAt
    expect(told('Nov 30th, 2026 12:53 AM')).toBe(new Date(2026, 10, 30, 0, 53).toISOString())
    const local = (hours: number, minutes: number): number => new Date(NOW).setHours(hours, minutes, 0, 0)
    const later = local(23, 59)
    expect(told('11:59 PM')).toBe(new Date(later > NOW ? later : later + 86_400_000).toISOString())
    expect(told('some day')).toBeNull()
  })

  it('reads the delay of a rate limit from the text', () => {
    const told = (text: string) => faultOf(error('rateLimitExceeded', text), null, NOW).retryAt
    expect(told('Please try again in 1.5s.')).toBe(new Date(NOW + 1500).toISOString())
    expect(told('try again in 20ms')).toBe(new Date(NOW + 20).toISOString())
    expect(told('slow down')).toBeNull()
  })

  it('takes no time from a number that no date can have', () => {
    expect(faultOf(error('usageLimitExceeded'), limits(100, 1e300), NOW)).toMatchObject({
      code: 'quota',
      retryAt: null,
    })
    const far = error('rateLimitExceeded', `try again in ${'9'.repeat(30)}s`)
    expect(faultOf(far, null, NOW)).toMatchObject({ code: 'rate_limit', retryAt: null })
  })
})
