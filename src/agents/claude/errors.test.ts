import { describe, expect, it } from 'vitest'
import { faultOf } from './errors.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const api = { subtype: 'success', is_error: true, terminal_reason: 'api_error' }

describe('faultOf', () => {
  it.each([
    ['usage limit', { ...api, api_error_status: 429, api_error: 'usage_limit_reached' }, 'rate_limit', 'quota'],
    [
      'too many requests',
      { ...api, api_error_status: 429, result: 'Request rejected (429)' },
      'rate_limit',
      'rate_limit',
    ],
    ['overloaded', { ...api, api_error_status: 529 }, 'overloaded', 'rate_limit'],
    ['overloaded, unnamed', { ...api, api_error_status: 529 }, null, 'rate_limit'],
    ['no credit', { ...api, api_error_status: 400, result: 'Credit balance is too low' }, 'billing_error', 'quota'],
    ['key refused', { ...api, api_error_status: 401 }, 'authentication_failed', 'auth'],
    ['not logged in', { ...api, api_error_status: null, result: 'Not logged in' }, 'authentication_failed', 'auth'],
    ['forbidden', { ...api, api_error_status: 403 }, null, 'auth'],
    ['server error', { ...api, api_error_status: 500 }, 'server_error', 'provider'],
    ['bad gateway', { ...api, api_error_status: 502 }, null, 'provider'],
    ['connection lost', { ...api, api_error_status: null }, 'unknown', 'provider'],
    ['connection lost, unnamed', { ...api, api_error_status: null }, null, 'provider'],
    ['no such model', { ...api, api_error_status: 404 }, 'invalid_request', 'failed'],
    ['too many turns', { subtype: 'error_max_turns', is_error: true }, null, 'failed'],
  ] as const)('%s', (_, result, error, code) => {
    expect(faultOf(result, error, {}, NOW).code).toBe(code)
  })

  it('takes the time from the structured limit before the sentence', () => {
    const result = { ...api, api_error_status: 429, result: "You've hit your limit · resets 3pm (UTC)" }
    const limit = { status: 'rejected', resetsAt: 1795256669 }
    expect(faultOf(result, 'rate_limit', limit, NOW)).toMatchObject({
      code: 'quota',
      retryAt: '2026-11-21T10:24:29.000Z',
    })
    expect(faultOf(result, 'rate_limit', {}, NOW)).toMatchObject({ code: 'quota', retryAt: '2026-11-21T15:00:00.000Z' })
  })

  it('takes no time from a number that no date can have', () => {
    const limit = { status: 'rejected', resetsAt: 1e300 }
    const result = { ...api, api_error_status: 429, result: 'Request rejected (429)' }
    expect(faultOf(result, 'rate_limit', limit, NOW)).toMatchObject({ code: 'quota', retryAt: null })
    const said = { ...result, result: "You've hit your limit · resets 3pm (UTC)" }
    expect(faultOf(said, 'rate_limit', limit, NOW)).toMatchObject({
      code: 'quota',
      retryAt: '2026-11-21T15:00:00.000Z',
    })
  })

  it('does not take a limit that still allows for a reason', () => {
    const limit = { status: 'allowed_warning', resetsAt: 1795256669 }
    expect(faultOf({ ...api, api_error_status: 500 }, 'server_error', limit, NOW)).toMatchObject({
      code: 'provider',
      retryAt: null,
    })
  })

  it('says what the CLI said', () => {
    const result = {
      subtype: 'error_during_execution',
      is_error: true,
      errors: ['No conversation found with session ID: x'],
    }
    expect(faultOf(result, null, {}, NOW)).toEqual({
      code: 'failed',
      message: 'No conversation found with session ID: x',
      retryAt: null,
    })
  })
})
