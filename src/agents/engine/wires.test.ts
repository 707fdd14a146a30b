/** The engine with each of its wire formats, against a scripted model on loopback. Nothing of the wire format is faked. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startModelServer, type ModelServer, type Reply, type Step } from '../../../test/support/model-server/index.ts'
import type { TurnEnd, TurnEvent, TurnRequest } from '../port.ts'
import { createEngineAgent } from './agent.ts'
import { testDeps } from './testing/harness.ts'
import { turnRequest } from '../testing/request.ts'

interface Case {
  readonly title: string
  readonly model: string
  readonly api: string
  env(url: string): Record<string, string>
  /** The header that carries the key. */
  readonly header: readonly [string, string]
  /** Other headers that must be sent. */
  readonly headers?: Readonly<Record<string, string>>
  /** Where a request holds the answer's schema. */
  readonly form: readonly string[]
  /** The schema is only sent when the answer is asked for again, without tools: the service cannot have both. */
  readonly again?: true
  /** The reply to too many requests, with the time for the next; absent: the time is in a header. */
  later?(seconds: number): Reply
}

/** A token as a ChatGPT login gives it: it names the account. */
const SUBSCRIPTION = [{ alg: 'none' }, { 'https://api.openai.com/auth': { chatgpt_account_id: 'acc-1' } }]
  .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
  .concat('x')
  .join('.')

const CASES: readonly Case[] = [
  {
    title: 'Anthropic with a key',
    form: ['output_config', 'format', 'schema'],
    model: 'anthropic/claude-sonnet-5',
    api: 'anthropic',
    env: (url) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: 'k1' }),
    header: ['x-api-key', 'k1'],
  },
  {
    title: 'Anthropic with a subscription',
    form: ['output_config', 'format', 'schema'],
    model: 'anthropic/claude-opus-4-8',
    api: 'anthropic',
    env: (url) => ({ ANTHROPIC_BASE_URL: `${url}/`, CLAUDE_CODE_OAUTH_TOKEN: 'sk-ant-oat01-x' }),
    header: ['authorization', 'Bearer sk-ant-oat01-x'],
  },
  {
    title: 'Anthropic with a token of a gateway, and a model nobody knows',
    form: ['output_config', 'format', 'schema'],
    model: 'anthropic/claude-next-9',
    api: 'anthropic',
    env: (url) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 't1' }),
    header: ['authorization', 'Bearer t1'],
  },
  {
    title: 'OpenAI responses',
    form: ['text', 'format', 'schema'],
    model: 'openai/gpt-5.4',
    api: 'openai',
    env: (url) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'k2' }),
    header: ['authorization', 'Bearer k2'],
  },
  {
    title: 'Codex with a subscription',
    form: ['text', 'format', 'schema'],
    model: 'openai-codex/gpt-5.4',
    api: 'openai',
    env: (url) => ({ OPENAI_CODEX_BASE_URL: url, OPENAI_CODEX_TOKEN: SUBSCRIPTION }),
    header: ['authorization', `Bearer ${SUBSCRIPTION}`],
    headers: { 'chatgpt-account-id': 'acc-1' },
  },
  {
    title: 'OpenAI chat',
    form: ['response_format', 'json_schema', 'schema'],
    model: 'openai-chat/gpt-5.4',
    api: 'chat',
    env: (url) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'k3' }),
    header: ['authorization', 'Bearer k3'],
  },
  {
    title: 'any compatible server',
    form: ['response_format', 'json_schema', 'schema'],
    again: true,
    model: 'openai-compatible/org/some-model:7b',
    api: 'chat',
    env: (url) => ({ OPENAI_BASE_URL: `${url}/v1/`, OPENAI_API_KEY: 'k4' }),
    header: ['authorization', 'Bearer k4'],
  },
  {
    title: 'Ollama, without a key',
    form: ['response_format', 'json_schema', 'schema'],
    again: true,
    model: 'ollama/qwen3',
    api: 'chat',
    env: (url) => ({ OLLAMA_BASE_URL: `${url}/v1` }),
    header: ['authorization', 'Bearer none'],
  },
  {
    title: 'Gemini 3, which can have tools and a schema at once',
    form: ['generationConfig', 'responseJsonSchema'],
    model: 'google/gemini-3-pro-preview',
    api: 'gemini',
    env: (url) => ({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: 'k5' }),
    header: ['x-goog-api-key', 'k5'],
  },
  {
    title: 'Gemini',
    form: ['generationConfig', 'responseJsonSchema'],
    again: true,
    model: 'google/gemini-2.5-flash',
    api: 'gemini',
    env: (url) => ({ GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: 'k5' }),
    header: ['x-goog-api-key', 'k5'],
    // The time is in the body, as the real service sends it.
    later: (seconds) => ({
      status: 429,
      body: {
        error: {
          code: 429,
          status: 'RESOURCE_EXHAUSTED',
          message: 'Too many requests',
          details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` }],
        },
      },
    }),
  },
]

const SCHEMA = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] } as const

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

let workspace = ''
let server: ModelServer | undefined
beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'belay-wires-')))
})
afterEach(async () => {
  rmSync(workspace, { recursive: true, force: true })
  await server?.close()
  server = undefined
})

async function turn(one: Case, steps: readonly Step[], more: Partial<TurnRequest> = {}) {
  server = await startModelServer({ steps, isSide: () => false })
  const events: TurnEvent[] = []
  const request: TurnRequest = turnRequest({
    prompt: 'Fix the leak.',
    cwd: workspace,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: workspace, ...one.env(server.url) },
    model: one.model,
    graceMs: 1000,
    ...more,
  })
  for await (const event of createEngineAgent(testDeps).turn(request)) events.push(event)
  const end = events.at(-1)
  if (end?.type !== 'end') throw new Error('no end')
  return { events, end: end.end, requests: server.requests }
}

describe.each(CASES)('$title', (one) => {
  it('calls tools and answers, with usage, key and model as they should be', async () => {
    const { events, end, requests } = await turn(one, [
      {
        reply: {
          say: 'Let me look.',
          calls: [
            { name: 'bash', input: { command: 'echo "é $((40+2))"' } },
            { name: 'read', input: { file_path: 'nothing.txt' } },
          ],
        },
      },
      { reply: { say: 'The leak is fixed.', pieces: 4 } },
    ])
    expect(end).toEqual({ status: 'completed', output: null, text: 'The leak is fixed.' })
    const [first, second] = requests
    expect(first).toMatchObject({ api: one.api, model: one.model.slice(one.model.indexOf('/') + 1) })
    expect(first?.headers[one.header[0]]).toBe(one.header[1])
    expect(first?.headers).toMatchObject(one.headers ?? {})
    expect(first?.text).toContain('Fix the leak.')
    expect(first?.tools.map((name) => name.toLowerCase())).toEqual(
      expect.arrayContaining(['bash', 'read', 'write', 'edit']),
    )
    expect(
      second?.messages
        .filter(({ role }) => role === 'tool')
        .map(({ text }) => text)
        .join(),
    ).toContain('é 42')
    const messages = events.flatMap((event) =>
      event.type === 'item' && event.item.kind === 'message' && event.item.status === 'completed'
        ? [event.item.text]
        : [],
    )
    expect(messages).toEqual(['Let me look.', 'The leak is fixed.'])
    const usage = events.flatMap((event) => (event.type === 'usage' ? [event.usage] : []))
    expect(usage).toMatchObject([
      { inputTokens: 100, outputTokens: 10 },
      { inputTokens: 100, outputTokens: 10 },
    ])
  })

  it('tries again after 500, 429 with a time, 529 and a stream that breaks in the middle', async () => {
    const { end, events } = await turn(one, [
      { reply: { status: 500 } },
      { reply: { status: 429, headers: { 'retry-after-ms': '5' } } },
      { reply: { say: 'Fixed.' } },
    ])
    expect(end).toMatchObject({ status: 'completed', text: 'Fixed.' })
    expect(events.filter((event) => event.type === 'item' && event.item.id.startsWith('retry:'))).toHaveLength(2)
    await server?.close()
    const again = await turn(one, [
      { reply: { disconnect: true } },
      { reply: { status: 529 } },
      { reply: { say: 'Fixed at last.' } },
    ])
    expect(again.end).toMatchObject({ status: 'completed', text: 'Fixed at last.' })
  })

  it('tells the service the schema of the answer, and checks what comes', async () => {
    const { end, requests } = await turn(
      one,
      [
        { reply: { calls: [{ name: 'bash', input: { command: 'true' } }] } },
        { reply: { say: '{"count":"many"}' } },
        { reply: { say: '{"count":3}' } },
      ],
      { outputSchema: SCHEMA },
    )
    expect(end).toMatchObject({ status: 'completed', output: { count: 3 } })
    const forms = requests.map(({ body }) => one.form.reduce<unknown>((at, key) => record(at)[key], body))
    const wanted = { ...SCHEMA, additionalProperties: false }
    expect(forms).toEqual(one.again ? [undefined, undefined, wanted] : [wanted, wanted, wanted])
    expect(requests.map(({ tools }) => tools.length > 0)).toEqual([true, true, !one.again])
    // The prompt states the whole schema with every wire format, including parts that the service cannot enforce.
    expect(requests[0]?.text).toContain(JSON.stringify(SCHEMA))
    expect(requests[2]?.text).toContain('/count: must be integer')
  })

  it('goes on without when the service refuses the schema, and says so', async () => {
    const refused: Reply = { status: 400, body: { error: { message: 'unknown field for the schema' } } }
    const bad: readonly Step[] = one.again ? [{ reply: { say: 'three' } }] : []
    const { end, requests, events } = await turn(
      one,
      [
        ...bad,
        { reply: refused },
        { reply: { calls: [{ name: 'bash', input: { command: 'true' } }] } },
        { reply: { say: '{"count":3}' } },
      ],
      { outputSchema: SCHEMA },
    )
    expect(end).toMatchObject({ status: 'completed', output: { count: 3 } })
    const forms = requests.map(({ body }) => one.form.reduce<unknown>((at, key) => record(at)[key], body) !== undefined)
    expect(forms).toEqual([...bad.map(() => false), true, false, false])
    expect(requests.at(-1)?.tools.map((name) => name.toLowerCase())).toContain('bash')
    const said = events.flatMap((event) =>
      event.type === 'item' && event.item.kind === 'unknown' ? [event.item.text] : [],
    )
    expect(said.join('\n')).toContain(
      `${one.model} does not take the schema of the answer, which the prompt says as well (unknown field for the schema)`,
    )
  })

  it('ends at once for a refused key and for a request that is wrong', async () => {
    const refused = await turn(one, [{ reply: { status: 401 } }])
    expect(refused.end).toMatchObject({
      status: 'failed',
      error: {
        code: 'auth',
        message: expect.stringMatching(
          /^auth: scripted status 401 \(401 from http:\/\/127\.0\.0\.1:\d+\/\S*, asked with(out a| the) key( in [A-Z_]+)?\)$/,
        ) as string,
      },
    })
    await server?.close()
    const wrong = await turn(one, [{ reply: { status: 400 } }])
    expect(wrong.end).toMatchObject({ status: 'failed', error: { code: 'failed' } })
  })

  it('is a schedule when it is to come back only much later, as a header or the body says', async () => {
    for (const reply of [{ status: 429, headers: { 'retry-after': '3600' } }, one.later?.(3600)]) {
      if (reply === undefined) continue
      const { end } = await turn(one, [{ reply }])
      expect(end).toMatchObject({ status: 'failed', error: { code: 'rate_limit' } })
      const { error } = end as Extract<TurnEnd, { status: 'failed' }>
      expect(Date.parse(error.retryAt ?? '') - Date.now()).toBeGreaterThan(3_500_000)
      await server?.close()
    }
  })
})

it('says when the allowance of a ChatGPT subscription is back', async () => {
  const codex = CASES.find(({ title }) => title === 'Codex with a subscription')
  if (codex === undefined) throw new Error('no such case')
  const back = Math.floor(Date.now() / 1000) + 7200
  const error = { type: 'usage_limit_reached', message: 'The usage limit has been reached', resets_at: back }
  const { end } = await turn(codex, [{ reply: { status: 429, body: { error } } }])
  expect(end).toMatchObject({
    status: 'failed',
    error: {
      code: 'quota',
      message: expect.stringContaining('The usage limit has been reached') as string,
      retryAt: new Date(back * 1000).toISOString(),
    },
  })
})
