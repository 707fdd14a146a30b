import { describe, expect, it } from 'vitest'
import type { BelayError } from '../../core/errors.ts'
import { failureOf, retryTime, type FailureKind } from './failure.ts'
import { MODEL_PROVIDER_NAMES, MODEL_VARIABLES } from './providers.ts'
import { parseModelName, resolveModel } from './resolve.ts'
import { delayBefore } from './retry.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')

async function problem(title: string | null, env: Record<string, string>): Promise<BelayError> {
  return resolveModel(title, env).then(
    () => {
      throw new Error('it was accepted')
    },
    (error: unknown) => error as BelayError,
  )
}

describe('a model’s name', () => {
  it('is provider and name, which may have slashes', () => {
    expect(parseModelName('openrouter/meta/llama-4')).toEqual({ provider: 'openrouter', name: 'meta/llama-4' })
  })

  it.each(['antropic/x', 'gpt-5', 'openai', 'openai/', '', '/x', 'constructor/x'])(
    '%j is refused with what there is',
    (title) => {
      try {
        parseModelName(title)
        throw new Error('it was accepted')
      } catch (error) {
        expect(error).toMatchObject({ code: 'model_unknown', received: title })
        for (const name of MODEL_PROVIDER_NAMES) expect((error as BelayError).expected).toContain(name)
      }
      if (title === 'antropic/x')
        expect(() => parseModelName(title)).toThrow(expect.objectContaining({ next: '--model anthropic/x' }) as Error)
    },
  )

  it('is resolved with what the catalog knows', async () => {
    const found = await resolveModel('anthropic/claude-sonnet-5', { ANTHROPIC_API_KEY: 'k' })
    expect(found).toMatchObject({ api: 'anthropic-messages', apiKey: 'k', headers: {}, priced: true })
    expect(found.model).toMatchObject({
      contextWindow: 1_000_000,
      baseUrl: 'https://api.anthropic.com',
      reasoning: true,
    })
    const unknown = await resolveModel('openai-compatible/x', { OPENAI_BASE_URL: 'http://h/v1' })
    expect(unknown).toMatchObject({ apiKey: 'none', priced: false, model: { contextWindow: 32_768, maxTokens: 8192 } })
    const narrowed = await resolveModel('anthropic/claude-sonnet-5', { ANTHROPIC_API_KEY: 'k' }, 16_000)
    expect(narrowed.model).toMatchObject({ contextWindow: 16_000, maxTokens: 4000 })
  })

  it('takes Google’s address as its own SDK does', async () => {
    const at = (url: string) =>
      resolveModel('google/gemini-2.5-pro', { GEMINI_API_KEY: 'k', GOOGLE_GEMINI_BASE_URL: url })
    expect((await at('http://h:1/')).model.baseUrl).toBe('http://h:1/v1beta')
    expect((await at('http://h:1/v1')).model.baseUrl).toBe('http://h:1/v1')
  })

  it('is the default of the one provider that there is a key for', async () => {
    expect((await resolveModel(null, { GEMINI_API_KEY: 'k' })).title).toBe('google/gemini-2.5-pro')
    expect(await problem(null, {})).toMatchObject({
      code: 'model_missing',
      message: expect.stringContaining('no key') as string,
    })
    expect(await problem(null, { OPENAI_API_KEY: 'a', ANTHROPIC_API_KEY: 'b' })).toMatchObject({
      code: 'model_missing',
      message: expect.stringContaining('several') as string,
    })
  })

  it('says what is missing, and never the value of a variable', async () => {
    expect(await problem('groq/x', {})).toMatchObject({ code: 'model_no_key', next: 'export GROQ_API_KEY=...' })
    expect(await problem('openai-compatible/x', {})).toMatchObject({ code: 'model_no_address' })
    const bad = await problem('openai-compatible/x', { OPENAI_BASE_URL: 'sk-secret' })
    expect(bad.code).toBe('model_no_address')
    expect(JSON.stringify(bad.shape())).not.toContain('sk-secret')
    for (const token of ['sk-secret', `a.${Buffer.from('{"sub":"sk-secret"}').toString('base64url')}.c`]) {
      const other = await problem('openai-codex/gpt-5.4', { OPENAI_CODEX_TOKEN: token })
      expect(other).toMatchObject({
        code: 'model_no_key',
        message: expect.stringContaining('OPENAI_CODEX_TOKEN') as string,
      })
      expect(JSON.stringify(other.shape())).not.toContain(token)
    }
  })

  it.each([['a\nb'], ['“a”'], ['a\u0007']])('takes no key that cannot be sent: %j', async (key) => {
    for (const name of ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'])
      expect(await problem('anthropic/x', { [name]: key })).toMatchObject({
        code: 'model_no_key',
        message: expect.stringContaining(`${name} cannot be used`) as string,
      })
    expect((await resolveModel('anthropic/x', { ANTHROPIC_API_KEY: 'a-b_1\n' })).apiKey).toBe('a-b_1')
  })

  it('lists every variable that commands must not see', () => {
    for (const name of [
      'ANTHROPIC_API_KEY',
      'ANTHROPIC_AUTH_TOKEN',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'OPENAI_API_KEY',
      'GEMINI_API_KEY',
    ])
      expect(MODEL_VARIABLES.has(name)).toBe(true)
  })
})

describe('a failure', () => {
  const http = (status: number, body: unknown = '', headers: Record<string, string> = {}) => ({
    status,
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const cases: [string, ReturnType<typeof http> | null, FailureKind, boolean][] = [
    ['401 no', http(401), 'auth', false],
    ['403 no', http(403), 'auth', false],
    ['429 slow down', http(429, { error: { message: 'slow down' } }), 'rate_limit', true],
    [
      '429 quota',
      http(429, { error: { code: 'insufficient_quota', message: 'You exceeded your current quota' } }),
      'quota',
      false,
    ],
    ['429 plan', http(429, { error: { type: 'usage_limit_reached' } }), 'quota', false],
    ['429', http(429, '{}', { 'anthropic-ratelimit-unified-status': 'rejected' }), 'quota', false],
    ['400 credit', http(402, 'pay'), 'quota', false],
    ['529 overloaded', http(529, { error: { type: 'overloaded_error', message: 'Overloaded' } }), 'rate_limit', true],
    ['500 oops', http(500, 'oops'), 'provider', true],
    ['503 gone', http(503, '<html>'), 'provider', true],
    ['413 large', http(413, ''), 'overflow', false],
    [
      '400 long',
      http(400, { error: { message: 'prompt is too long: 213462 tokens > 200000 maximum' } }),
      'overflow',
      false,
    ],
    ['400 long', http(400, { error: { code: 'context_length_exceeded', message: 'x' } }), 'overflow', false],
    ['400 bad', http(400, { error: { message: 'tools.0: invalid' } }), 'invalid', false],
    ['The model refused to complete the request', http(200), 'refused', false],
    ['{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', http(200), 'rate_limit', true],
    ['Connection error.', null, 'provider', true],
    ['terminated', http(200), 'provider', true],
    ['no end', http(200, { choices: [] }), 'invalid', false],
    ['no end', http(200, 'data: {"promptFeedback":{"blockReason":"OTHER"}}'), 'refused', false],
    ['400 key', http(400, { error: { message: 'x', details: [{ reason: 'API_KEY_INVALID' }] } }), 'auth', false],
    ['invalid_prompt: flagged', http(200), 'refused', false],
    ['Provider stopped with: SPII', null, 'refused', false],
    ['Provider finish_reason: eos', null, 'provider', false],
    ['Provider finish_reason: network_error', null, 'provider', true],
    ['Provider stopped with: MALFORMED_FUNCTION_CALL', null, 'provider', true],
    ["Cannot read properties of undefined (reading 'input_tokens')", null, 'provider', false],
    ['no end', http(200, { error: { message: 'wrong key', code: 401 } }), 'auth', false],
    ['no end', http(200, { error: 'try again later' }), 'provider', true],
    [
      '{"error":{"code":429,"message":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"34s"}]}}',
      null,
      'rate_limit',
      true,
    ],
    ['{"error":{"code":429,"message":"GenerateRequestsPerDayPerProject"}}', null, 'quota', false],
    ['{"error":{"code":503,"message":"The model is overloaded."}}', null, 'rate_limit', true],
  ]
  it.each(cases)('%s is told apart', (message, answer, kind, retryable) => {
    expect(failureOf(message, answer, NOW)).toMatchObject({ kind, retryable })
  })

  it('has no time where the service names one that no date can have', () => {
    const failure = failureOf('429', http(429, '', { 'retry-after': '9'.repeat(30) }), NOW)
    expect(failure.kind).toBe('rate_limit')
    expect(retryTime(failure)).toBeNull()
    expect(retryTime({ ...failure, retryAt: NOW })).toBe('2026-11-21T12:00:00.000Z')
  })

  it('has the time that the service names, in any of its ways', () => {
    const at = (headers: Record<string, string>, body = ''): number | null =>
      failureOf('429', http(429, body, headers), NOW).retryAt
    expect(at({ 'retry-after': '7' })).toBe(NOW + 7000)
    expect(at({ 'retry-after': 'Sat, 21 Nov 2026 13:00:00 GMT' })).toBe(NOW + 3_600_000)
    expect(at({ 'retry-after-ms': '250', 'retry-after': '7' })).toBe(NOW + 250)
    expect(
      at({
        'anthropic-ratelimit-unified-status': 'rejected',
        'anthropic-ratelimit-unified-reset': String(NOW / 1000 + 60),
      }),
    ).toBe(NOW + 60_000)
    expect(at({}, `{"error":{"resets_at": ${NOW / 1000 + 90}}}`)).toBe(NOW + 90_000)
    expect(failureOf('{"error":{"code":429,"details":[{"retryDelay":"34s"}]}}', null, NOW).retryAt).toBe(NOW + 34_000)
    expect(at({})).toBeNull()
    expect(at({ 'retry-after': 'soon' })).toBeNull()
  })

  it('says what the service said, not the status line, and never more than a little', () => {
    expect(failureOf('500 {"error":...}', http(500, { error: { message: 'the disk is on fire' } }), NOW).message).toBe(
      'the disk is on fire',
    )
    expect(failureOf('302 status code', http(302, '', { location: 'http://elsewhere/' }), NOW)).toMatchObject({
      kind: 'invalid',
      retryable: false,
      message: 'the service answers with a redirect to http://elsewhere/, which is not followed: is its address right?',
    })
    expect(failureOf('ended', http(200, '', { 'content-type': 'text/html' }), NOW)).toMatchObject({
      retryable: false,
      message: expect.stringContaining('a web page: is its address right') as string,
    })
    const page = '<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body>nginx</body></html>'
    expect(failureOf('404 page', http(404, page, { 'content-type': 'text/html' }), NOW)).toMatchObject({
      kind: 'invalid',
      message: 'the service answers 404 with a web page ("Bad Gateway")',
    })
    expect(failureOf('x', http(500, 'y'.repeat(10_000)), NOW).message).toHaveLength(2000)
  })

  it('is waited for as long as the service asks, unless that is too long', () => {
    const policy = { retries: 3, baseMs: 100, maxMs: 1000 }
    const failure = { kind: 'rate_limit', message: '', retryable: true, retryAt: NOW + 900 } as const
    expect(delayBefore(1, failure, policy, NOW)).toBe(900)
    expect(delayBefore(1, { ...failure, retryAt: NOW - 5 }, policy, NOW)).toBe(0)
    expect(delayBefore(1, { ...failure, retryAt: NOW + 1001 }, policy, NOW)).toBeNull()
    expect(delayBefore(4, failure, policy, NOW)).toBeNull()
    expect(delayBefore(1, { ...failure, retryable: false }, policy, NOW)).toBeNull()
    const growing = [1, 2, 3].map((attempt) => delayBefore(attempt, { ...failure, retryAt: null }, policy, NOW) ?? 0)
    expect(growing[0]).toBeLessThan(growing[1] ?? 0)
    expect(growing[1]).toBeLessThan(growing[2] ?? 0)
  })
})
