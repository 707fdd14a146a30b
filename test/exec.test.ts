import { readFileSync, realpathSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findBackend } from '../src/sandbox/index.ts'
import { World, collect, said, type Turn } from './support/world.ts'

/** Without bubblewrap these tests are skipped on a developer's machine; in CI they fail. */
const noOs = (await findBackend('os').probe()) !== null && process.env['CI'] !== 'true'

let world: World
beforeEach(() => {
  world = new World()
  world.config().unconfined()
})
afterEach(() => world.dispose())

function agent(...turns: readonly Turn[]): void {
  world.script({ implementer: { exec: turns }, byCall: true })
}

function say(text: string): Turn {
  return { lines: [{ type: 'message', text }] }
}

function lines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const SCHEMA = JSON.stringify({ type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] })

describe('belay exec', () => {
  it('prints only the final text on stdout, progress and what it cost on stderr', async () => {
    agent({
      ...say('thinking'),
      lines: [
        { type: 'message', text: 'first' },
        { type: 'message', text: 'the answer' },
      ],
      usage: { input_tokens: 10, output_tokens: 5, cost_usd: 0.25 },
    })
    const { code, stdout, stderr } = await world.belay(['exec', 'question', '--sandbox', 'host'])
    expect([code, stdout]).toEqual([0, 'the answer\n'])
    expect(stderr).toMatch(/^ {2}first\ndone: 1 step, 15 tokens, \$0\.2500; go on with: --session \d{8}-\d{6}-\w{6}\n$/)
    expect((await world.belay(['exec', 'question', '--quiet', '--sandbox', 'host'])).stderr).toBe('')
  })

  it('--json prints event lines, the last of the agreed shape', async () => {
    agent({ ...say('hello'), usage: { input_tokens: 10, output_tokens: 5, cost_usd: 0.25 } })
    const all = lines((await world.belay(['exec', 'q', '--json', '--session', 's', '--sandbox', 'host'])).stdout)
    const keys = ['seq', 'time', 'type', 'version', 'project', 'run', 'task', 'session', 'actor', 'data']
    for (const [i, line] of all.slice(0, -1).entries()) {
      expect(Object.keys(line)).toEqual(keys)
      expect(line).toMatchObject({ seq: i + 1, session: 's' })
    }
    expect(all.map(({ type }) => type)).toEqual(['exec.started', 'item.message', 'usage', 'exec.finished'])
    expect(all.at(-1)).toEqual({
      type: 'exec.finished',
      status: 'done',
      finish_reason: 'agent_done',
      output: null,
      text: 'hello',
      session: 's',
      steps: 1,
      usage: { input_tokens: 10, output_tokens: 5, cost_usd: 0.25 },
    })
  })

  describe.skipIf(noOs)('an agent of which nobody knows what it needs', () => {
    beforeEach(() => void delete world.env['BELAY_WORKFLOW__ROLES__IMPLEMENTER__SANDBOX'])

    it('is confined without being asked to be, and told how it gets more when that fails', async () => {
      agent({})
      const { code, stderr } = await world.belay(['exec', 'x'])
      expect(code).toBe(1)
      // It may not write beside the checkout.
      expect(stderr).toContain('EROFS')
      expect(stderr).toContain(`It ran in a sandbox (os), where it can write in ${world.repo} only`)
      expect(stderr).toContain('workflow.roles.X.sandbox: {backend: os, write: [PATH], read: [PATH]}')
      expect(world.requests()).toEqual([])
    })

    it("writes where its role's sandbox says, and nowhere else", async () => {
      agent({ files: { 'in.txt': 'in\n' }, sh: 'echo out > ../out.txt; echo home > ~/home.txt; true' })
      const roles = world.read('belay.yaml').replace('{', `{sandbox: {backend: os, write: [${world.agentDir}]}, `)
      world.files({ 'belay.yaml': roles })
      const { code, stderr } = await world.belay(['exec', 'x'])
      expect([code, stderr]).toEqual([0, expect.not.stringContaining('warning')])
      expect(world.requests()).toHaveLength(1)
      expect(world.read('in.txt')).toBe('in\n')
      expect([world.has('../out.txt'), world.has('../user/home.txt')]).toEqual([false, false])
    })

    it("--sandbox names another than its role's: of that one its paths hold, not what only that one has", async () => {
      agent({ files: { 'in.txt': 'in\n' } })
      const docker = `{sandbox: {backend: docker, image: "none:1", memory: 1g, write: [${world.agentDir}]}, `
      world.files({ 'belay.yaml': world.read('belay.yaml').replace('{', docker) })
      const { code, stderr } = await world.belay(['exec', 'x', '--sandbox', 'os'])
      expect(code, stderr).toBe(0)
      expect([world.read('in.txt'), world.requests().length]).toEqual(['in\n', 1])
    })

    it('reads the folder that bears its name; what it changes there is gone, but for its state', async () => {
      const script = [
        '#!/bin/bash',
        'read -r request',
        'found=$(cat ~/.config/robot/login)',
        'echo 1 >> ~/.config/robot/login; echo new > ~/.config/robot/made; echo seen > ~/.local/state/robot/history',
        `echo '{"type":"result","output":{"found":"'"$found"'"}}'`,
      ].join('\n')
      world.files({
        '../tools/robot.sh': script,
        '../user/.config/robot/login': 'me',
        '../user/.local/state/robot/x': '',
        'belay.yaml': `workflow: {roles: {implementer: {command: [/bin/bash, ${world.dir}/tools/robot.sh]}}}\n`,
      })
      const { code, stdout, stderr } = await world.belay(['exec', 'x'])
      expect([code, stdout, stderr]).toEqual([0, '{"found":"me"}\n', expect.anything()])
      expect(world.read('../user/.config/robot/login')).toBe('me')
      expect(world.has('../user/.config/robot/made')).toBe(false)
      expect(world.read('../user/.local/state/robot/history')).toBe('seen\n')
    })
  })

  it('works in the current directory, also outside of git and in a subdirectory', async () => {
    agent({ files: { 'made.txt': 'here\n' } })
    world.files({ 'sub/x': '' })
    expect((await world.belay(['exec', 'x'], { cwd: `${world.repo}/sub` })).code).toBe(0)
    expect(world.read('sub/made.txt')).toBe('here\n')
    expect(world.requests()[0]).toMatchObject({ workspace: realpathSync(`${world.repo}/sub`), role: 'implementer' })
    // No repository, but a configuration.
    const outside = `${world.dir}/outside`
    world.files({ '../outside/belay.yaml': world.read('belay.yaml') })
    expect((await world.belay(['exec', 'x'], { cwd: outside })).code).toBe(0)
    expect(readFileSync(`${outside}/made.txt`, 'utf8')).toBe('here\n')
  })

  it('is told nothing by a configuration above the repository', async () => {
    agent({ files: { 'made.txt': 'here\n' } })
    world.files({ '../belay.yaml': 'no_such_key: 1\n', 'sub/x': '' })
    expect((await world.belay(['exec', 'x'], { cwd: `${world.repo}/sub` })).code).toBe(0)
    // Nor when the repository has none.
    world.files({ 'belay.yaml': null })
    const { code, stderr } = await world.belay(['exec', 'x'], { cwd: `${world.repo}/sub` })
    expect([code, stderr]).toEqual([2, expect.stringContaining('[model_missing]')])
    const outside = await world.belay(['exec', 'x'], { cwd: world.dir })
    expect([outside.code, outside.stderr]).toEqual([2, expect.stringContaining('[config_invalid]')])
  })

  it('reads the prompt from stdin with -', async () => {
    agent({})
    expect((await world.belay(['exec', '-'], { input: 'from a pipe\n' })).code).toBe(0)
    expect(world.requests()[0]?.['prompt']).toBe('from a pipe\n')
    const empty = await world.belay(['exec', '-'], { input: ' \n' })
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('the prompt on stdin is empty')])
  })

  it('--output-schema: the answer is checked, asked for again, and printed as JSON', async () => {
    world.files({ 's.json': SCHEMA })
    agent({ answer: { n: 'one' } }, { answer: { n: 1 } })
    const { code, stdout } = await world.belay(['exec', 'count', '--output-schema', 's.json'])
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ n: 1 })])
    const [first, again] = world.requests()
    expect(first?.['output_schema']).toEqual(JSON.parse(SCHEMA))
    expect(again?.['prompt']).toContain('/n: must be integer')
    agent({ answer: { n: 'never' } })
    const never = await world.belay(['exec', 'count', '--output-schema', 's.json', '--json'])
    expect(never.code).toBe(3)
    expect(lines(never.stdout).at(-1)).toMatchObject({
      status: 'blocked',
      finish_reason: 'invalid_output',
      output: null,
      error: { code: 'invalid_output' },
    })
    expect(world.requests()).toHaveLength(5)
  })

  it.each([
    ['no file', 'none.json', null],
    ['no JSON', 's.json', 'nope'],
    ['no object', 's.json', '[]'],
    ['no schema', 's.json', '{"type":"nonsense"}'],
  ])('refuses an output schema that is %s', async (_, name, content) => {
    if (content !== null) world.files({ [name]: content })
    const { code, stderr } = await world.belay(['exec', 'x', '--output-schema', name])
    expect([code, stderr]).toEqual([2, expect.stringContaining('[output_schema_invalid]')])
    expect(world.requests()).toEqual([])
  })

  it.each([
    [{ error: { code: 'quota', message: 'used up', retry_at: '2030-01-01T00:00:00Z' } }, 5, 'suspended', 'quota'],
    [{ error: { code: 'rate_limit', message: 'slow down' } }, 5, 'suspended', 'rate_limit'],
    [{ error: { code: 'auth', message: 'no key' } }, 1, 'failed', 'auth'],
    [{ error: { code: 'failed', message: 'no' } }, 1, 'failed', 'failed'],
    [{ answer: null, exit: 3 }, 1, 'failed', 'protocol'],
  ] as const)('an agent that ends with %j is exit %i', async (turn, exit, status, reason) => {
    agent(turn)
    const { code, stdout, stderr } = await world.belay(['exec', 'x', '--json'])
    expect(code).toBe(exit)
    expect(stderr).toBe('')
    expect(lines(stdout).at(-1)).toMatchObject({
      type: 'exec.finished',
      status,
      finish_reason: reason,
      error: { code: reason },
    })
    expect((await world.belay(['exec', 'x'])).stdout).toBe('')
  })

  it('limits: money, steps, time, silence', async () => {
    const usage = { type: 'usage', input_tokens: 1, output_tokens: 1, cost_usd: 0.4 }
    agent({ lines: [usage, usage, usage], hang: true })
    const money = await world.belay(['exec', 'x', '--budget-usd', '0.7', '--json'])
    expect(money.code).toBe(5)
    expect(lines(money.stdout).at(-1)).toMatchObject({
      finish_reason: 'budget_usd',
      error: { message: 'the budget of $0.7 is used up' },
    })
    agent({ ...say('waiting'), hang: true })
    const late = await world.belay(['exec', 'x', '--timeout', '8s', '--json'])
    expect([late.code, lines(late.stdout).at(-1)]).toEqual([
      3,
      expect.objectContaining({ finish_reason: 'timeout', text: 'waiting' }),
    ])
    const silent = await world.belay(['exec', 'x', '--stall', '300ms'])
    expect([silent.code, silent.stderr]).toEqual([3, expect.stringContaining('[stall]')])
  })

  it('a budget ends a turn of which nobody knows any more what it costs', async () => {
    const usage = { type: 'usage', input_tokens: 5, output_tokens: 1, cost_usd: null }
    agent({ lines: [usage], hang: true })
    const { code, stdout } = await world.belay(['exec', 'x', '--budget-usd', '5', '--json'])
    expect([code, lines(stdout).at(-1)]).toEqual([
      5,
      expect.objectContaining({
        status: 'suspended',
        finish_reason: 'budget_unknown',
        error: expect.objectContaining({ message: expect.stringContaining('cannot be enforced') as string }) as object,
      }),
    ])
  })

  it('the time of a turn is that of all its askings', async () => {
    world.files({ 's.json': SCHEMA })
    agent({ answer: { n: 'never' }, sh: 'sleep 2.5' })
    const flags = ['--output-schema', 's.json', '--timeout', '6s', '--json']
    const { code, stdout } = await world.belay(['exec', 'count', ...flags])
    expect([code, lines(stdout).at(-1)]).toEqual([3, expect.objectContaining({ finish_reason: 'timeout' })])
    expect(world.requests().length).toBeLessThanOrEqual(3)
  })

  it('Ctrl-C ends the turn, keeps the session, and exits with 130', async () => {
    agent({ ...say('at work'), hang: true }, say('next'))
    const child = world.start(['exec', 'x', '--session', 's', '--json'])
    const ended = collect(child)
    await said(child, 'at work')
    child.kill('SIGINT')
    const { code, stderr } = await ended
    expect([code, stderr]).toEqual([130, expect.stringContaining('Stopping: the turn is ended')])
    const { entries } = await world.json<{ entries: Record<string, unknown>[] }>(['session', 'show', 's'])
    expect(entries.at(-1)).toMatchObject({ type: 'turn_ended', status: 'interrupted' })
    expect((await world.belay(['exec', 'x', '--session', 's'])).stdout).toBe('next\n')
  })

  it('refuses what it does not know, before anything is spent', async () => {
    agent({})
    for (const [words, code] of [
      [['--agent', 'cluade'], 'agent_unknown'],
      [['--effort', 'high'], 'effort_unknown'],
      [['--access', 'some'], 'usage'],
      [['--max-steps', '0'], 'usage'],
      [['--budget-usd', '-1'], 'usage'],
      [['--timeout', '10'], 'usage'],
      [['--session', ''], 'session_id_invalid'],
    ] as const) {
      const result = await world.belay(['exec', 'x', ...words])
      expect([words, result.code, result.stderr]).toEqual([words, 2, expect.stringContaining(`[${code}]`)])
    }
    expect((await world.belay(['exec', 'two', 'words'])).stderr).toContain('put quotes around')
    expect(world.requests()).toEqual([])
    expect((await world.belay(['session', 'list'])).stdout).toBe('No sessions found.\n')
    world.files({ 'belay.yaml': 'workflow: {rolls: {}}\n' })
    expect((await world.belay(['exec', 'x'])).stderr).toContain('[config_invalid]')
  })
})
