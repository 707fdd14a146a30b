import { afterEach, describe, expect, it } from 'vitest'
import { startModelServer, type ModelServer, type ModelServerOptions } from './index.ts'

let server: ModelServer | undefined

afterEach(() => server?.close({ unasked: 'allow' }))

async function start(options: ModelServerOptions): Promise<ModelServer> {
  server = await startModelServer(options)
  return server
}

function post({ url }: ModelServer, path: string, body: unknown): Promise<Response> {
  return fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })
}

const tools = [{ name: 'Bash' }]
const claude = (text: string, more = {}) => ({
  model: 'm',
  tools,
  messages: [{ role: 'user', content: text }],
  ...more,
})
const codex = (text: string, more = {}) => ({ model: 'm', input: [{ role: 'user', content: [{ text }] }], ...more })

function eventsIn(stream: string): string[] {
  return [...stream.matchAll(/^event: (.*)$/gm)].map((match) => match[1] ?? '')
}

describe('model server', () => {
  it('speaks Anthropic, whole and as a stream', async () => {
    const model = await start({
      steps: [{ reply: { say: 'hi' } }, { reply: { say: 'go', calls: [{ name: 'Bash', input: { a: 1 } }] } }],
    })
    expect(await (await post(model, '/v1/messages?beta=true', claude('x'))).json()).toMatchObject({
      content: [{ type: 'text', text: 'hi' }],
      stop_reason: 'end_turn',
    })
    const stream = await (await post(model, '/v1/messages', claude('y', { stream: true }))).text()
    expect(eventsIn(stream)).toEqual([
      'message_start',
      ...['start', 'delta', 'stop', 'start', 'delta', 'stop'].map((part) => `content_block_${part}`),
      'message_delta',
      'message_stop',
    ])
    expect(model.requests.map(({ text }) => text)).toEqual(['x', 'y'])
    await model.close()
  })

  it('speaks OpenAI responses, whole and as a stream', async () => {
    const reply = {
      calls: [
        { name: 'exec_command', input: { cmd: 'ls' } },
        { name: 'apply_patch', input: '*** Begin Patch' },
      ],
    }
    const model = await start({ steps: [{ reply: { say: 'hi' } }, { reply }] })
    expect(await (await post(model, '/v1/responses', codex('x'))).json()).toMatchObject({
      status: 'completed',
      output: [{ type: 'message' }],
    })
    const stream = await (
      await post(model, '/v1/responses', codex('y', { stream: true, reasoning: { effort: 'low' } }))
    ).text()
    expect(eventsIn(stream).at(-1)).toBe('response.completed')
    expect(stream).toContain('"type":"function_call"')
    expect(stream).toContain('"type":"custom_tool_call"')
    expect(model.requests[1]).toMatchObject({ api: 'openai', effort: 'low', text: 'y' })
    await model.close()
  })

  it('answers a request that is not as expected with 400, and throws it at close', async () => {
    const model = await start({ steps: [{ reply: { say: 'hi' }, expect: ({ text }) => expect(text).toBe('this') }] })
    expect((await post(model, '/v1/messages', claude('that'))).status).toBe(400)
    await expect(model.close()).rejects.toThrow(/not followed/)
  })

  it('throws at close what was not asked for, and what was asked too often', async () => {
    const few = await start({ steps: [{ reply: { say: 'hi' } }] })
    await expect(few.close()).rejects.toThrow('only 0 of 1')
    const many = await start({ steps: [] })
    expect((await post(many, '/v1/messages', claude('x'))).status).toBe(400)
    await expect(many.close()).rejects.toThrow('no step left')
  })

  it('keeps conversations apart by route', async () => {
    const route = (name: string) => ({
      name,
      when: ({ text }: { text: string }) => text.includes(name),
      steps: [{ reply: { say: `${name} 1` } }, { reply: { say: `${name} 2` }, every: true }],
    })
    const model = await start({ routes: [route('T001'), route('T002')] })
    const say = async (text: string) =>
      ((await (await post(model, '/v1/messages', claude(text))).json()) as { content: { text: string }[] }).content[0]
        ?.text
    expect([await say('T001'), await say('T002'), await say('T002'), await say('T001'), await say('T001')]).toEqual([
      'T001 1',
      'T002 1',
      'T002 2',
      'T001 2',
      'T001 2',
    ])
    await model.reached(1, 'T002')
    await model.close()
  })

  it('answers side requests beside the script', async () => {
    const model = await start({ steps: [] })
    expect((await fetch(model.url, { method: 'HEAD' })).status).toBe(200)
    expect(await (await post(model, '/v1/messages/count_tokens', claude('x'))).json()).toEqual({ input_tokens: 100 })
    expect((await post(model, '/v1/messages', claude('title?', { tools: [] }))).status).toBe(200)
    expect(model.side).toHaveLength(1)
    await model.close()
  })

  it('fails, drops and hangs', async () => {
    const model = await start({
      steps: [
        { reply: { status: 529, headers: { 'retry-after': '7' } } },
        { reply: { disconnect: true } },
        { reply: { hang: true } },
      ],
    })
    const refused = await post(model, '/v1/messages', claude('x'))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([529, '7'])
    const dropped = await post(model, '/v1/messages', claude('x', { stream: true }))
    await expect(dropped.text()).rejects.toThrow()
    const hanging = post(model, '/v1/messages', claude('x'))
    const gone = expect(hanging).rejects.toThrow()
    await model.reached(2)
    await model.close()
    await gone
  })
})
