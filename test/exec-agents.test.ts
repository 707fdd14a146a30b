import { existsSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { CLIS, pathWithClis, skipWithout } from './support/agent-clis.ts'
import type { ModelServer, Step } from './support/model-server/index.ts'
import { endModelEarly, model, reach, serve, world } from './support/model-world.ts'
import { findBackend } from '../src/sandbox/index.ts'

/** Without bubblewrap these tests are skipped on a developer's machine; in CI they fail. */
const noOs = (await findBackend('os').probe()) !== null && process.env['CI'] !== 'true'

beforeEach(() => {
  // In its real place: a sandbox has a /tmp of its own.
  world.env['PATH'] = existsSync(CLIS) ? [realpathSync(CLIS), process.env['PATH']].join(delimiter) : pathWithClis()
})

async function scripted(...steps: readonly Step[]): Promise<ModelServer> {
  const server = await serve({ steps })
  reach(world, server)
  Object.assign(world.env, {
    IS_SANDBOX: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    OPENAI_API_KEY: 'test-key',
  })
  return server
}

describe.skipIf(skipWithout('belay exec with the real Claude Code', ['claude']))('belay exec with Claude Code', () => {
  it.skipIf(noOs)('takes a turn, and goes on with its own conversation', async () => {
    const { requests } = await scripted(
      {
        reply: {
          calls: [
            { name: 'Bash', input: { command: 'echo 4711 > n.txt; echo x > ../outside.txt', description: 'write' } },
          ],
        },
      },
      { reply: { say: 'the number is written' } },
      { reply: { say: 'it was 4711' } },
    )
    const first = await world.belay(['exec', 'write the number', '--agent', 'claude', '--session', 's'])
    expect([first.code, first.stdout, first.stderr]).toEqual([
      0,
      'the number is written\n',
      expect.not.stringContaining('warning'),
    ])
    expect(world.read('n.txt')).toBe('4711\n')
    // Confined without being asked to be.
    expect(() => world.read('../outside.txt')).toThrow('ENOENT')
    const second = await world.belay(['session', 'resume', 's', 'which number?'])
    expect([second.code, second.stdout, second.stderr]).toEqual([0, 'it was 4711\n', expect.anything()])
    expect(requests.at(-1)?.text).toContain('write the number')
    const { entries } = await world.json<{ entries: { type: string; provider?: string }[] }>([
      'session',
      'show',
      's',
      '--items',
    ])
    expect(entries.some(({ type, provider }) => type === 'native' && provider === 'claude')).toBe(true)
  })

  it.each([
    ['in a sandbox', 'os'],
    ['on the host', 'host'],
  ])('changes files of the folder with its own tools, with nobody there, %s', async (_, sandbox) => {
    if (sandbox === 'os' && noOs) return
    const write = { name: 'Write', input: { file_path: join(world.repo, 'made.txt'), content: 'made\n' } }
    await scripted({ reply: { calls: [write] } }, { reply: { say: 'made' } })
    const { code, stderr } = await world.belay(['exec', 'make it', '--agent', 'claude', '--sandbox', sandbox])
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('denied')])
    expect(world.read('made.txt')).toBe('made\n')
  })

  it('--max-steps ends a turn after so many calls of its tools, which is what its steps are', async () => {
    const call = (text: string): Step => ({
      reply: { calls: [{ name: 'Bash', input: { command: `echo ${text}`, description: text } }] },
    })
    await scripted(call('one'), { reply: { say: 'done' } }, call('one'), call('two'), { reply: { hang: true } })
    const flags = ['--agent', 'claude', '--sandbox', 'host', '--max-steps', '1', '--json'] as const
    const last = ({ stdout }: { stdout: string }): unknown => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
    const within = await world.belay(['exec', 'echo', ...flags])
    expect([within.code, last(within)]).toEqual([0, expect.objectContaining({ text: 'done', steps: 2 })])
    const over = await world.belay(['exec', 'echo', ...flags])
    expect([over.code, last(over)]).toEqual([
      3,
      expect.objectContaining({ status: 'blocked', finish_reason: 'max_steps', steps: 2 }),
    ])
    await endModelEarly()
  })

  it('hands work over to another agent, which is told of it', async () => {
    const { requests } = await scripted({ reply: { say: 'I looked: it is blue' } }, { reply: { say: 'blue it is' } })
    await world.belay(['exec', 'which colour?', '--agent', 'claude', '--session', 's'])
    const { stdout } = await world.belay([
      'exec',
      'say it again',
      '--model',
      'anthropic/claude-sonnet-5',
      '--sandbox',
      'host',
      '--session',
      's',
    ])
    expect(stdout).toBe('blue it is\n')
    expect(requests.at(-1)?.text).toContain('## Step 1: claude, done')
    expect(requests.at(-1)?.text).toContain('I looked: it is blue')
  })

  it.skipIf(noOs)('can be confined: --sandbox os lets it work in the folder, and nowhere else', async () => {
    const outside = join(world.dir, 'outside.txt')
    await scripted(
      {
        reply: {
          calls: [
            {
              name: 'Bash',
              input: { command: `echo in > in.txt; echo out > ${outside}; echo "left: $?"`, description: 'try' },
            },
          ],
        },
      },
      { reply: { say: 'tried' } },
    )
    const probe = await world.belay(['exec', 'try', '--agent', 'claude', '--sandbox', 'os'])
    expect([probe.code, probe.stdout, probe.stderr]).toEqual([0, 'tried\n', expect.anything()])
    expect(world.read('in.txt')).toBe('in\n')
    expect(() => world.read('../outside.txt')).toThrow('ENOENT')
  })

  it.skipIf(noOs)('keeps its conversations in a sandbox, and cannot change its settings', async () => {
    const settings = '{"env":{"MINE":"1"}}'
    world.files({
      '../user/.claude/settings.json': settings,
      '../user/.claude/projects/x': '',
      '../user/.claude.json': '{}',
    })
    const evil = [
      'cd ~; echo evil > .claude/settings.json; echo evil > .claude/settings.local.json',
      'mkdir -p .claude/hooks; echo evil > .claude/hooks/x; echo evil >> .claude.json; rm -f .claude/settings.json; mv .claude was; true',
    ].join('; ')
    const { requests } = await scripted(
      { reply: { calls: [{ name: 'Bash', input: { command: evil, description: 'try' } }] } },
      { reply: { say: 'tried' } },
      { reply: { say: 'again' } },
    )
    const args = ['--agent', 'claude', '--sandbox', 'os', '--session', 's']
    const first = await world.belay(['exec', 'try', ...args])
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'tried\n', expect.anything()])
    expect(world.read('../user/.claude/settings.json')).toBe(settings)
    expect(world.read('../user/.claude.json')).not.toContain('evil')
    for (const made of ['settings.local.json', 'hooks/x']) {
      expect(() => world.read(`../user/.claude/${made}`)).toThrow('ENOENT')
    }
    const second = await world.belay(['exec', 'and now', ...args])
    expect([second.code, second.stdout]).toEqual([0, 'again\n'])
    expect(requests.at(-1)?.text).toContain('try')
  })
})

describe.skipIf(skipWithout('belay exec with the real Codex', ['codex']))('belay exec with Codex', () => {
  it('takes a turn, and goes on with its own conversation', async () => {
    const { url, requests } = await scripted({ reply: { say: 'one' } }, { reply: { say: 'two' } })
    // Codex links helpers of its sandbox into its home, but not below a temporary folder.
    world.env['TMPDIR'] = join(world.dir, 'tmp')
    const provider = `[model_providers.fake]\nname = "fake"\nbase_url = "${url}/v1"\nwire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n`
    world.files({
      '../tmp/x': '',
      '../user/.codex/config.toml': `model = "gpt-5.5"\nmodel_provider = "fake"\n${provider}`,
    })
    const first = await world.belay(['exec', 'first', '--agent', 'codex', '--session', 's'])
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'one\n', expect.anything()])
    const second = await world.belay(['exec', 'second', '--agent', 'codex', '--session', 's', '--json'])
    expect(second.code).toBe(0)
    expect(requests.at(-1)?.text).toContain('first')
    expect(JSON.parse(second.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'exec.finished',
      text: 'two',
    })
  })

  it.skipIf(noOs)('keeps its conversations in a sandbox, and cannot change its settings', async () => {
    const { url, requests } = await scripted(
      {
        reply: {
          calls: [
            {
              name: 'exec_command',
              input: {
                cmd: 'cd ~/.codex && echo evil >> config.toml; echo evil > hooks.json; rm -f config.toml; echo "ran $?"',
              },
            },
          ],
        },
      },
      { reply: { say: 'one' } },
      { reply: { say: 'two' } },
    )
    world.env['TMPDIR'] = join(world.dir, 'tmp')
    const provider = `[model_providers.fake]\nname = "fake"\nbase_url = "${url}/v1"\nwire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n`
    const config = `model = "gpt-5.5"\nmodel_provider = "fake"\n${provider}`
    world.files({ '../tmp/x': '', '../user/.codex/config.toml': config })
    const args = ['--agent', 'codex', '--sandbox', 'os', '--session', 's']
    const first = await world.belay(['exec', 'first', ...args])
    expect([first.code, first.stdout, first.stderr]).toEqual([0, 'one\n', expect.anything()])
    expect(requests.at(-1)?.text).toContain('ran ')
    expect(world.read('../user/.codex/config.toml')).toBe(config)
    expect(() => world.read('../user/.codex/hooks.json')).toThrow('ENOENT')
    const second = await world.belay(['exec', 'second', ...args])
    expect([second.code, second.stdout]).toEqual([0, 'two\n'])
    expect(requests.at(-1)?.text).toContain('first')
  })
})

describe.skipIf(noOs || skipWithout('belay exec with Gemini CLI as any agent of ACP', ['gemini']))(
  'belay exec with a known agent as `acp`',
  () => {
    it('has its login and settings in a sandbox, which it cannot change', async () => {
      await scripted(
        { reply: { calls: [shell('echo evil >> ~/.gemini/settings.json; echo "ran $?"')] } },
        { reply: { say: 'hello' } },
      )
      const settings = JSON.stringify({
        security: { auth: { selectedType: 'gemini-api-key' } },
        model: { name: 'gemini-2.5-flash' },
      })
      Object.assign(world.env, {
        GEMINI_API_KEY: 'x',
        GOOGLE_GEMINI_BASE_URL: model?.url,
        GEMINI_CLI_TRUST_WORKSPACE: 'true',
      })
      world.files({
        '../user/.gemini/settings.json': settings,
        'belay.yaml': 'workflow: {roles: {implementer: {provider: acp, command: [gemini, --acp]}}}\n',
      })
      const { code, stdout, stderr } = await world.belay(['exec', 'hi', '--sandbox', 'os'])
      expect([code, stdout, stderr]).toEqual([0, 'hello\n', expect.anything()])
      // It chose its model by what it read there.
      expect(model?.requests[0]?.model).toBe('gemini-2.5-flash')
      expect(model?.requests[1]?.text).toContain('ran ')
      expect(world.read('../user/.gemini/settings.json')).toBe(settings)
    })
  },
)

function shell(command: string) {
  return { name: 'run_shell_command', input: { command, description: 'try' } }
}
