import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { ModelServer, Reply } from './support/model-server/index.ts'
import { HOST, MODEL, bash, say, scripted, serve, world } from './support/model-world.ts'
import { collect } from './support/world.ts'

const BELAY = fileURLToPath(new URL('support/built.cjs', import.meta.url))
const SERVER_MODEL = ['--model', 'openai-compatible/m', ...HOST] as const

/** A server that gives these replies, at the address and with the key of OPENAI_*. */
async function compatible(...replies: readonly Reply[]): Promise<ModelServer> {
  const server = await serve({ steps: replies.map((reply) => ({ reply })) })
  Object.assign(world.env, { OPENAI_BASE_URL: `${server.url}/v1`, OPENAI_API_KEY: 'not-to-be-told' })
  return server
}

describe('belay exec where it cannot work', () => {
  it('in a folder that was removed says so, and what needs no folder works', async () => {
    const script = (words: string) =>
      world.startCommand([
        '/bin/sh',
        '-c',
        `mkdir gone && cd gone && rmdir ../gone && exec "$0" "$1" ${words}`,
        process.execPath,
        BELAY,
      ])
    for (const words of ['exec hi --sandbox host', 'policy check ls', 'status']) {
      const { code, stderr } = await collect(script(words))
      expect([words, code, stderr]).toEqual([words, 2, expect.stringContaining('is not there any more [no_folder]')])
    }
    expect(await collect(script('exec --help'))).toMatchObject({ code: 0, stderr: '' })
  })

  it.each([[{ BELAY_HOME: '/proc/belay' }], [{ BELAY_HOME: '', XDG_STATE_HOME: '', HOME: '/proc/1' }]])(
    'with its state below /proc (%o) says so, instead of trying for ever',
    async (env) => {
      const { code, stderr } = await world.belay(['exec', 'hi', ...MODEL, ...HOST], { env })
      expect([code, stderr]).toEqual([2, expect.stringContaining('[folder_unusable]')])
      expect(stderr).toContain('BELAY_HOME names another state folder')
    },
  )
})

describe('belay exec with a service that', () => {
  it('refuses the key says where it asked and which variable the key is from, not the key', async () => {
    const { url } = await compatible({ status: 401, body: { error: { message: 'wrong key' } } })
    const { code, stderr } = await world.belay(['exec', 'hi', ...SERVER_MODEL])
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`wrong key (401 from ${url}/v1, asked with the key in OPENAI_API_KEY) [auth]`),
    ])
    expect(stderr).not.toContain('not-to-be-told')
  })

  it('knows no streams is asked once', async () => {
    const { url, requests } = await compatible({ status: 200, body: { choices: [{ message: { content: 'whole' } }] } })
    const { code, stderr } = await world.belay(['exec', 'hi', ...SERVER_MODEL])
    expect([code, stderr]).toEqual([1, expect.stringContaining('something else than a stream: {"choices"')])
    expect(stderr).toContain(`(200 from ${url}/v1)`)
    expect(requests).toHaveLength(1)
  })

  it('fails with the status of a success is believed in what it says', async () => {
    const { requests } = await compatible({ status: 200, body: { error: { message: 'no such model', code: 404 } } })
    const { code, stderr } = await world.belay(['exec', 'hi', ...SERVER_MODEL])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^belay: no such model .*\[error\]/m)])
    expect(requests).toHaveLength(1)
  })

  it('breaks off the input of a call is told that, and the call is not made', async () => {
    const { requests } = await compatible(
      { calls: [{ name: 'bash', input: '{"command": "echo made > made.txt' }] },
      { say: 'ok' },
    )
    expect(await world.belay(['exec', 'hi', ...SERVER_MODEL])).toMatchObject({ code: 0, stdout: 'ok\n' })
    expect(requests[1]?.messages.at(-1)?.text).toMatch(/It was not run: the JSON of a call in this answer has no end/)
    expect(world.has('made.txt')).toBe(false)
  })
})

describe('belay exec in a folder of a repository', () => {
  it('is told by the whole repository, although a sandbox left an empty .git there', async () => {
    world.files({
      'AGENTS.md': 'Words of the whole repository.',
      'belay.yaml': 'policy: {commands: {deny: ["echo forbidden"]}}\n',
      'web/x.txt': 'x',
    })
    mkdirSync(join(world.repo, 'web', '.git'))
    const { requests } = await scripted(bash('echo forbidden > made.txt'), say('ok'))
    const cwd = join(world.repo, 'web')
    expect(await world.belay(['exec', 'hi', ...MODEL, ...HOST], { cwd })).toMatchObject({ code: 0 })
    expect(JSON.stringify(requests[0]?.body)).toContain('Words of the whole repository.')
    expect(requests[1]?.messages.at(-1)?.text).toMatch(/It was not run: .*echo forbidden/)
    expect(world.has('web/made.txt')).toBe(false)
  })
})

describe('--network', () => {
  it.each([
    ['a.example:443,*.b.example', 'sandbox_unenforceable'],
    ['a.example:https', 'usage'],
    ['a.example:1:2', 'usage'],
  ])('takes names with a port, as belay.yaml does: %s is %s', async (hosts, said) => {
    Object.assign(world.env, { ANTHROPIC_API_KEY: 'k' })
    const { code, stderr } = await world.belay(['exec', 'hi', ...MODEL, ...HOST, '--network', hosts])
    expect([code, stderr]).toEqual([2, expect.stringContaining(`[${said}]`)])
  })
})

describe('an agent definition', () => {
  const exec = (...more: readonly string[]) => {
    Object.assign(world.env, { ANTHROPIC_API_KEY: 'k' })
    return world.belay(['exec', 'hi', ...MODEL, '--definition', 'a', ...more])
  }

  it.each([
    [
      'a network that its sandbox cannot confine',
      '---\nsandbox: host\nnetwork: none\n---\n',
      [],
      'sandbox_unenforceable',
    ],
    ['an image for the sandbox that it has by itself', '---\nimage: node:24\n---\n', [], 'sandbox_unenforceable'],
    ['an image for what has none', '---\nimage: node:24\n---\n', HOST, 'sandbox_unenforceable'],
    ['more than a model can be told', `---\ndescription: x\n---\n${'x'.repeat(300_000)}`, HOST, 'is too large'],
    ['a word where a number is wanted', '---\nmax_steps: many\n---\n', HOST, 'expected: number\n'],
  ])('with %s is refused before anything is begun', async (_, text, more, said) => {
    world.files({ '.belay/agents/a.md': text })
    const { code, stderr } = await exec(...more)
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)])
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
  })

  it('that is a folder is no definition', async () => {
    mkdirSync(join(world.repo, '.belay', 'agents', 'a.md'), { recursive: true })
    const { code, stderr } = await exec(...HOST)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/a\.md: is no file \[agent_definition_invalid\]/)])
  })
})

describe('belay exec with what other programs wrote', () => {
  it('reads an output schema that begins with a byte order mark', async () => {
    world.files({ 's.json': '\u{feff}{"type":"object","required":["n"]}' })
    await scripted(say('{"n":1}'))
    expect(await world.belay(['exec', 'hi', ...MODEL, ...HOST, '--output-schema', 's.json'])).toMatchObject({
      code: 0,
      stdout: '{"n":1}\n',
    })
  })

  it('takes no key with a line feed in it, and asks nobody', async () => {
    const { requests } = await compatible({ say: 'ok' })
    const env = { OPENAI_API_KEY: 'not-to-be\ntold' }
    const { code, stderr } = await world.belay(['exec', 'hi', ...SERVER_MODEL], { env })
    expect([code, stderr]).toEqual([2, expect.stringMatching(/OPENAI_API_KEY cannot be used: .* \[model_no_key\]/)])
    expect([stderr.includes('not-to-be'), requests.length]).toEqual([false, 0])
    await world.belay(['exec', 'hi', ...SERVER_MODEL])
  })
})

describe('the tool git_diff', () => {
  it('says outside of a repository only that', async () => {
    mkdirSync(join(world.dir, 'plain'))
    const env = { GIT_CEILING_DIRECTORIES: world.dir }
    const { requests } = await scripted({ reply: { calls: [{ name: 'git_diff', input: {} }] } }, say('ok'))
    await world.belay(['exec', 'hi', ...MODEL, ...HOST], { cwd: join(world.dir, 'plain'), env })
    expect(requests[1]?.messages.at(-1)?.text).toBe('git ended with exit code 129\nfatal: not a git repository')
  })
})
