/** Model services of the configuration (`providers`), in exec, chat and runs, against a scripted model. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { implemented } from './support/answers.ts'
import type { Step } from './support/model-server/index.ts'
import { serve, world } from './support/model-world.ts'

const scripted = (...steps: readonly Step[]) => serve({ steps, isSide: () => false })

const KEY = 'not-for-anybody-else'

/** Setup and notify commands that leave in `$HOME` whether they saw the key. */
const PROGRAMS = `workspace: {setup: ['echo "saw \${BELAY_GATEWAY_KEY:-nothing}" > "$HOME/setup"']}
notify: {command: 'echo "saw \${BELAY_GATEWAY_KEY:-nothing}" > "$HOME/notify"'}
`
const saw = (name: string) => readFileSync(join(world.dir, 'user', name), 'utf8')

describe('providers', () => {
  it.each([
    ['openai-chat', '/v1', 'chat', 'authorization', `Bearer ${KEY}`],
    ['openai-responses', '/v1', 'openai', 'authorization', `Bearer ${KEY}`],
    ['anthropic', '', 'anthropic', 'x-api-key', KEY],
    ['google', '/v1beta', 'gemini', 'x-goog-api-key', KEY, 'big'],
  ] as const)(
    'a service that speaks %s, with its key and what its models cost',
    async (api, path, wire, header, value, name: string = 'vendor/big') => {
      const { url, requests } = await scripted({ reply: { say: 'from afar', usage: { input: 1000, output: 100 } } })
      world.files({
        'belay.yaml': `providers: {gateway: {api: ${api}, base_url: "${url}${path}", key_env: BELAY_GATEWAY_KEY, models: {${name}: {price: {input: 10, output: 100}}}}}\n`,
      })
      world.env['BELAY_GATEWAY_KEY'] = KEY
      const args = ['exec', 'hi', '--model', `gateway/${name}`, '--sandbox', 'host', '--budget-usd', '5']
      const { code, stdout, stderr } = await world.belay([...args, '--json'])
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as {
        text: string
        usage: { cost_usd: number }
      }
      expect(last.text).toBe('from afar')
      expect(last.usage.cost_usd).toBeCloseTo(0.02, 5)
      expect(requests[0]).toMatchObject({ api: wire, headers: { [header]: value } })
      expect(stdout + stderr).not.toContain(KEY)
    },
  )

  it('one without a key, for the name openai-compatible; a variable with its address wins', async () => {
    const { url, requests } = await scripted({ reply: { say: 'one' } }, { reply: { say: 'two' } })
    const args = ['exec', 'hi', '--agent', 'engine', '--model', 'openai-compatible/llama', '--sandbox', 'host']
    world.files({ 'belay.yaml': `providers: {openai-compatible: {base_url: "${url}/v1"}}\n` })
    expect(await world.belay(args, { env: { OPENAI_API_KEY: KEY } })).toMatchObject({ code: 0, stdout: 'one\n' })
    expect(JSON.stringify(requests[0]?.headers)).not.toContain(KEY)
    world.files({ 'belay.yaml': `providers: {openai-compatible: {base_url: "http://127.0.0.1:1/v1"}}\n` })
    const env = { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: KEY }
    expect(await world.belay(args, { env })).toMatchObject({ code: 0, stdout: 'two\n' })
    expect(requests[1]?.headers['authorization']).toBe(`Bearer ${KEY}`)
  })

  it('commands of the agent are not given the key, and chat has the service too', async () => {
    const call = { name: 'bash', input: { command: 'echo "[$BELAY_GATEWAY_KEY]"' } }
    const { url, requests } = await scripted({ reply: { calls: [call] } }, { reply: { say: 'nothing there' } })
    world.files({ 'belay.yaml': `providers: {gateway: {base_url: "${url}/v1", key_env: BELAY_GATEWAY_KEY}}\n` })
    world.env['BELAY_GATEWAY_KEY'] = KEY
    const chat = await world.belay(['chat', '--model', 'gateway/x', '--sandbox', 'host'], { input: 'look\n' })
    expect(chat).toMatchObject({ code: 0, stdout: 'nothing there\n' })
    expect(requests[1]?.text).toContain('[]')
    expect(requests[1]?.text).not.toContain(KEY)
  })

  it('a role of a run uses it; gates, setup and notify commands are not given the key', async () => {
    const { url } = await scripted(
      { reply: { calls: [{ name: 'write', input: { file_path: 'answer.txt', content: '42\n' } }] } },
      { reply: { say: JSON.stringify(implemented('T001')) } },
    )
    world.config(
      `providers: {gateway: {base_url: "${url}/v1", key_env: BELAY_GATEWAY_KEY}}\nverify: {commands: ['test -z "$BELAY_GATEWAY_KEY"']}\n${PROGRAMS}`,
    )
    const roles = world
      .read('belay.yaml')
      .replace(/implementer: .*/, 'implementer: {provider: engine, model: gateway/x}')
    world.files({ 'belay.yaml': roles }).feature('001-words', ['- [ ] T001 Write answer.txt']).commit()
    world.env['BELAY_GATEWAY_KEY'] = KEY
    expect(await world.belay(['run'])).toMatchObject({ code: 0 })
    expect(world.read('answer.txt')).toBe('42\n')
    expect([saw('setup'), saw('notify')]).toEqual(['saw nothing\n', 'saw nothing\n'])
  })

  it('a step of a workflow uses it; setup and notify commands are not given the key', async () => {
    const { url, requests } = await scripted({ reply: { say: 'done' } })
    world.files({
      'belay.yaml': `providers: {gateway: {base_url: "${url}/v1", key_env: BELAY_GATEWAY_KEY}}\n${PROGRAMS}`,
      '.belay/workflows/ask.yaml': JSON.stringify({
        name: 'ask',
        agent: { provider: 'engine', model: 'gateway/x' },
        states: [{ id: 'one', type: 'agent', prompt: 'Look.' }],
      }),
    })
    world.commit('workflow')
    world.env['BELAY_GATEWAY_KEY'] = KEY
    const { code, stderr } = await world.belay(['workflow', 'run', 'ask'])
    expect(code, stderr).toBe(0)
    expect(requests[0]?.headers['authorization']).toBe(`Bearer ${KEY}`)
    expect([saw('setup'), saw('notify')]).toEqual(['saw nothing\n', 'saw nothing\n'])
  })

  it("a batch asks one, of belay.yaml around its file, and keeps to the user's own rules", async () => {
    const { url, requests } = await scripted(
      { reply: { calls: [{ name: 'bash', input: { command: 'wc -l secrets' } }] } },
      { reply: { say: '{"lines": "one"}' } },
      { reply: { say: '{"lines": 1}', usage: { input: 1000, output: 100 } } },
    )
    world.files({
      '../user/.config/belay/config.yaml': 'policy: {commands: {deny: [wc]}}\n',
      'belay.yaml': `providers: {gateway: {base_url: "${url}/v1", key_env: BELAY_GATEWAY_KEY, models: {x: {price: {input: 10, output: 100}}}}}\n`,
      'docs/a.md': 'one line\n',
      'docs/batch.yaml': JSON.stringify({
        provider: 'engine',
        model: 'gateway/x',
        prompt: 'Count.',
        schema: { type: 'object', properties: { lines: { type: 'integer' } }, required: ['lines'] },
        glob: '*.md',
        budget: { usd: 5 },
      }),
    })
    const missing = await world.belay(['batch', '--config', 'docs/batch.yaml'])
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('export BELAY_GATEWAY_KEY=')])
    world.env['BELAY_GATEWAY_KEY'] = KEY
    const { code, stdout, stderr } = await world.belay(['batch', '--config', 'docs/batch.yaml', '--json'])
    expect(code, stderr).toBe(0)
    expect(JSON.parse(world.read('docs/results.json'))).toEqual({ 'a.md': { lines: 1 } })
    expect(requests.map(({ headers }) => headers['authorization'])).toEqual(requests.map(() => `Bearer ${KEY}`))
    expect(requests[1]?.text).toContain('policy.commands: wc')
    // The service is told the schema when the answer is asked for again.
    expect(requests.map(({ body }) => 'response_format' in body)).toEqual([false, false, true])
    expect(stdout + stderr).not.toContain(KEY)
    const { run } = await world.json<{ run: { cost_usd: number } }>(['status'])
    expect(run.cost_usd).toBeCloseTo(0.024, 5)
  })

  it("a workflow in a folder without a repository has those of the user's own file", async () => {
    const { url, requests } = await scripted({ reply: { say: 'counted' } })
    const cwd = join(world.dir, 'plain')
    world.files({
      '../user/.config/belay/config.yaml': `providers: {gateway: {base_url: "${url}/v1", key_env: MY_KEY}}\n`,
      '../plain/flow.yaml': JSON.stringify({
        name: 'count',
        states: [{ id: 'count', type: 'agent', agent: { provider: 'engine', model: 'gateway/x' }, prompt: 'Count.' }],
      }),
    })
    world.env['MY_KEY'] = KEY
    const { code, stderr } = await world.belay(['workflow', 'run', 'flow.yaml'], { cwd })
    expect(code, stderr).toBe(0)
    expect(requests[0]?.headers['authorization']).toBe(`Bearer ${KEY}`)
  })

  it("any variable may be named in the user's own file, and a project cannot turn it elsewhere", async () => {
    const { url, requests } = await scripted({ reply: { say: 'mine' } })
    const own = `providers: {gateway: {base_url: "${url}/v1", key_env: MY_KEY}}\n`
    world.files({ '../user/.config/belay/config.yaml': own })
    world.env['MY_KEY'] = KEY
    const exec = () => world.belay(['exec', 'hi', '--model', 'gateway/x', '--sandbox', 'host'])
    expect(await exec()).toMatchObject({ code: 0, stdout: 'mine\n' })
    expect(requests[0]?.headers['authorization']).toBe(`Bearer ${KEY}`)
    world.files({ 'belay.yaml': 'providers: {gateway: {base_url: "http://127.0.0.1:1/v1"}}\n' })
    expect(await exec()).toMatchObject({ code: 2, stderr: expect.stringContaining("it is not a project's to change") })
  })

  it.each([
    ['gateway/x', 'export BELAY_GATEWAY_KEY='],
    ['gatewy/x', '--model gateway/x'],
  ])('a run with a role of model %s does not begin', async (name, told) => {
    world.config('providers: {gateway: {base_url: "http://127.0.0.1:1", key_env: BELAY_GATEWAY_KEY}}\n')
    const roles = world.read('belay.yaml').replace(/implementer: .*/, `implementer: {provider: engine, model: ${name}}`)
    world.files({ 'belay.yaml': roles }).commit()
    const { code, stderr } = await world.belay(['run', 'do it'])
    expect([code, stderr]).toEqual([2, expect.stringContaining(told)])
    expect(await world.json(['status'])).toEqual({ run: null, tasks: [] })
  })

  it('a run without a model, and without a key to choose one by, does not begin', async () => {
    world.config().commit()
    const { code, stderr } = await world.belay(['run', 'do it', '--agent', 'engine'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('--model anthropic/claude-sonnet-5')])
    expect(await world.json(['status'])).toEqual({ run: null, tasks: [] })
  })

  it('says what is missing, before anything is sent', async () => {
    world.files({
      'belay.yaml': 'providers: {gateway: {base_url: "http://127.0.0.1:1", key_env: BELAY_GATEWAY_KEY}}\n',
    })
    const missing = await world.belay(['exec', 'hi', '--model', 'gateway/x'])
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('export BELAY_GATEWAY_KEY=')])
    const unknown = await world.belay(['exec', 'hi', '--agent', 'engine', '--model', 'gatewy/x'])
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('--model gateway/x')])
  })
})
