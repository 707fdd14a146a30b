/** Which agent takes a turn if the role's own agent cannot. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { BatchWorld } from './support/batch-world.ts'
import { startModelServer } from './support/model-server/index.ts'
import { World, type Result } from './support/world.ts'

const AGENT = fileURLToPath(new URL('support/scripted-agent.mjs', import.meta.url))

interface Shown {
  readonly task: {
    readonly status: string
    readonly sessions: readonly { readonly provider: string; readonly role: string; readonly status: string }[]
    readonly failovers: readonly Record<string, unknown>[]
  }
}

let world: World
beforeEach(() => {
  world = new World({ implementer: { '*': [{ files: { 'made.txt': 'x\n' } }] } })
  world.feature('001-routing', ['- [ ] T001 Make it'])
})
afterEach(() => world.dispose())

/** belay.yaml whose implementer is `provider`, with `failover`; the reviewer is the scripted agent. */
function configure(provider: string, failover: readonly unknown[]): void {
  const roles = {
    implementer: { ...(JSON.parse(provider) as object), failover },
    reviewer: { provider: 'command', command: scripted() },
  }
  world.files({ 'belay.yaml': JSON.stringify({ workflow: { roles } }) }).commit()
}

function scripted(): string[] {
  return [process.execPath, AGENT, world.agentDir]
}

/** A program that does what `script` says, as an agent of the command protocol. */
function program(name: string, script: string): string {
  const bin = join(world.dir, 'bin')
  mkdirSync(bin, { recursive: true })
  const file = join(bin, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

const QUOTA = '{"type":"error","code":"quota","message":"the plan is used up","retry_at":"2099-01-01T00:00:00Z"}'

class Batch extends BatchWorld {
  [Symbol.dispose](): void {
    this.dispose()
  }
}

function eventTypes({ stdout }: Result): [string, string | null][] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines
    .map((line) => JSON.parse(line) as { type: string; task: string | null })
    .map(({ type, task }) => [type, task])
}

const stepsIn = { provider: 'command', model: 'second' }

describe('failover', () => {
  it('hands the turn to the next agent when a quota is used up, and records why', async () => {
    const empty = program('empty', `cat > /dev/null; echo half > half.txt; echo '${QUOTA}'`)
    configure(JSON.stringify({ provider: 'command', command: [empty], model: 'first' }), [
      { ...stepsIn, command: scripted() },
    ])
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stderr).toContain('command/second steps in')
    expect(world.log().at(-1)?.trailers['Belay-Agent']).toContain('implementer=command/second')

    const shown = await world.json<Shown>(['show', 'T001'])
    expect(shown.task.failovers).toEqual([
      {
        attempt: 1,
        role: 'implementer',
        from: 'command/first',
        to: 'command/second',
        reason: { code: 'agent_quota', message: expect.stringContaining('the plan is used up') as string },
        until: '2099-01-01T00:00:00.000Z',
        session: expect.stringMatching(/^s-/) as string,
      },
    ])
    const [{ prompt }] = world.requests() as [{ prompt: string }]
    expect(prompt).toContain('# Task T001')
    expect(prompt).toContain('Another agent was given this before you and was cut off')
    expect((await world.belay(['show', 'T001'])).stdout).toMatch(
      /command\/first -> command\/second {2}agent_quota until 2099-01-01/,
    )
    expect((await world.belay(['logs', 'T001'])).stdout).toContain('command/second steps in: the plan is used up')
  })

  it('passes over an agent that is out, in later turns too, until its quota is back', async () => {
    const asked = join(world.dir, 'asked')
    // The first time it has no quota; then it works.
    const [node = '', ...rest] = scripted()
    const works = `exec ${node} ${rest.join(' ')}`
    const empty = program(
      'empty',
      `[ -e '${asked}' ] && { echo again >>'${asked}'; ${works}; }; cat >/dev/null; echo once >'${asked}'; echo '${QUOTA}'`,
    )
    configure(JSON.stringify({ provider: 'command', command: [empty], model: 'first' }), [
      { ...stepsIn, command: scripted() },
    ])
    world.feature('001-routing', ['- [ ] T001 Make it', '- [ ] T002 Make it too', '- [ ] T003 And this']).commit()
    // The time of the quota comes in the turn of T002.
    const comes = join(world.dir, 'comes.mjs')
    const sql = "update outages set until = '2000-01-01T00:00:00.000Z'"
    const db = JSON.stringify(join(world.home, 'belay.db'))
    writeFileSync(
      comes,
      `import { DatabaseSync } from 'node:sqlite'\nnew DatabaseSync(${db}, { timeout: 10_000 }).exec(${JSON.stringify(sql)})\n`,
    )
    world.script({
      implementer: {
        T001: [{ files: { 'one.txt': '1\n' } }],
        T002: [{ files: { 'two.txt': '2\n' }, sh: `'${node}' '${comes}'` }],
        T003: [{ files: { 'three.txt': '3\n' } }],
      },
      byCall: true,
    })
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(readFileSync(asked, 'utf8')).toBe('once\nagain\n')
    const agents = world.log().map(({ trailers }) => (trailers['Belay-Agent'] ?? '').split(',')[0])
    expect(agents.filter((name) => name !== '')).toEqual([
      'implementer=command/second',
      'implementer=command/second',
      'implementer=command/first',
    ])
    const second = await world.json<Shown>(['show', 'T002'])
    expect(second.task.failovers).toMatchObject([{ from: 'command/first', reason: { message: 'the plan is used up' } }])
    expect(second.task.sessions.filter(({ role }) => role === 'implementer')).toHaveLength(1)
    expect(eventTypes(await world.belay(['events', '--type', 'agent.*', '--json']))).toEqual([
      ['agent.unavailable', 'T001'],
      ['agent.available', 'T003'],
    ])
  })

  it('remembers what is not there until the run is resumed', async () => {
    const later = join(world.dir, 'bin', 'later')
    configure(JSON.stringify({ provider: 'command', command: [later], model: 'first' }), [
      { ...stepsIn, command: scripted() },
    ])
    world.feature('001-routing', ['- [ ] T001 Make it', '- [ ] T002 Make it too', '- [ ] T003 And this']).commit()
    const installs = `mkdir -p '${join(world.dir, 'bin')}'; printf '#!/bin/sh\\nexec "%s" "%s" "%s"\\n' ${scripted()
      .map((word) => `'${word}'`)
      .join(' ')} > '${later}'; chmod +x '${later}'`
    const blocked = { answer: { status: 'blocked', summary: 'stop here' } }
    world.script({
      implementer: {
        T001: [{ files: { 'one.txt': '1\n' }, sh: installs }],
        T002: [{ files: { 'two.txt': '2\n' } }],
        T003: [blocked, { files: { 'three.txt': '3\n' } }],
      },
      byCall: true,
    })
    expect((await world.belay(['run'])).code).toBe(3)
    const failovers = async (task: string) => (await world.json<Shown>(['show', task])).task.failovers
    // It is there since the end of the first turn, but nobody has said so.
    expect(await failovers('T002')).toMatchObject([
      { from: 'command/first', reason: { code: 'agent_spawn' }, until: null },
    ])
    const resumed = await world.belay(['unblock', 'T003', '--resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(world.log().at(-1)?.trailers['Belay-Agent']).toContain('implementer=command/first')
    expect(await failovers('T003')).toHaveLength(1)
    expect(eventTypes(await world.belay(['events', '--type', 'agent.*', '--json']))).toEqual([
      ['agent.unavailable', 'T001'],
      ['agent.available', null],
    ])
  })

  it('answers for the files of a batch', async () => {
    using batch = new Batch()
    const empty = program('empty', `cat > /dev/null; echo x >>'${join(world.dir, 'asked')}'; echo '${QUOTA}'`)
    const { command } = parse(batch.files({ 'a.md': 'A', 'b.md': 'B' }).batch().read('batch.yaml')) as {
      command: string[]
    }
    batch.batch({ command: [empty], failover: [{ provider: 'command', model: 'second', command }] })
    const result = await batch.run()
    expect(result.code, result.stderr).toBe(0)
    expect(batch.results()).toEqual({ 'a.md': { summary: 'A' }, 'b.md': { summary: 'B' } })
    expect(readFileSync(join(world.dir, 'asked'), 'utf8')).toBe('x\n')
    const events = await batch.belay(['events', '--type', 'item.failover', '--json'])
    expect(eventTypes(events).map(([, task]) => task)).toEqual(['a.md', 'b.md'])
  })

  it('takes the next agent when the first is not installed', async () => {
    world.env['PATH'] = '/usr/bin:/bin'
    configure('{"provider":"pi"}', ['gemini', { ...stepsIn, command: scripted() }])
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    const { task } = await world.json<Shown>(['show', 'T001'])
    expect(task.failovers).toMatchObject([
      { from: 'pi', to: 'gemini', reason: { code: 'agent_spawn' } },
      { from: 'gemini', to: 'command/second', reason: { code: 'agent_spawn' } },
    ])
    expect(task.sessions.filter(({ role }) => role === 'implementer').map(({ provider }) => provider)).toEqual([
      'pi',
      'gemini',
      'command',
    ])
  })

  it('takes the next agent when a login is refused; when none is left it waits for the one that is back first, and asks nobody in vain', async () => {
    const asked = join(world.dir, 'asked')
    const auth = program(
      'auth',
      `cat > /dev/null; echo auth >>'${asked}'; echo '{"type":"error","code":"auth","message":"no login"}'`,
    )
    const quota = program('quota', `cat > /dev/null; echo quota >>'${asked}'; echo '${QUOTA}'`)
    configure(JSON.stringify({ provider: 'command', command: [quota] }), [{ provider: 'command', command: [auth] }])
    world
      .feature('001-routing', ['- [ ] T001 Make it', '- [ ] T002 [P] Make it too', '- [ ] T003 [P] And this'])
      .commit()
    world.script({ implementer: {} })
    const run = await world.belay(['run', '--no-wait'])
    expect(run.code, run.stderr).toBe(5)
    expect(run.stderr).toContain('2099-01-01')
    // Nobody is asked in vain for the other tasks.
    const sent = (): string[] => readFileSync(asked, 'utf8').trim().split('\n')
    expect(sent()).toEqual(['quota', 'auth'])
    // A login may have been mended by who resumes, a quota not; who begins a task again wants all of them tried.
    expect((await world.belay(['resume', '--no-wait'])).code).toBe(5)
    expect(sent()).toEqual(['quota', 'auth'])
    expect((await world.belay(['retry', 'T001', '--resume', '--no-wait'])).code).toBe(5)
    expect(sent()).toEqual(['quota', 'auth', 'quota', 'auth'])
  })

  it('is not for exec, which says how the next one goes on', async () => {
    const empty = program('empty', `cat > /dev/null; echo '{"type":"message","text":"half of it"}'; echo '${QUOTA}'`)
    configure(JSON.stringify({ provider: 'command', command: [empty] }), [
      { ...stepsIn, command: scripted() },
      { provider: 'engine', model: 'openai/gpt-5.4' },
    ])
    const first = await world.belay(['exec', 'do all of it', '--sandbox', 'host', '--session', 's'])
    expect(first.code).toBe(5)
    const hint = 'engine can go on here with: --agent engine --model openai/gpt-5.4 --session s'
    expect(first.stderr).toContain(`failover is for runs; ${hint}`)
    const model = await startModelServer({ steps: [{ reply: { say: 'the rest' } }] })
    try {
      Object.assign(world.env, { OPENAI_BASE_URL: `${model.url}/v1`, OPENAI_API_KEY: 'k' })
      const flags = hint.slice(hint.indexOf('--agent')).split(' ')
      const second = await world.belay(['exec', 'go on', '--sandbox', 'host', ...flags])
      expect([second.code, second.stdout], second.stderr).toEqual([0, 'the rest\n'])
      expect(model.requests[0]?.text).toContain('half of it')
    } finally {
      await model.close()
    }
  })

  it('does not step in for other failures', async () => {
    const broken = program('broken', 'cat > /dev/null; exit 9')
    configure(JSON.stringify({ provider: 'command', command: [broken] }), [{ ...stepsIn, command: scripted() }])
    expect((await world.belay(['run'])).code).toBe(3)
    expect((await world.json<Shown>(['show', 'T001'])).task.failovers).toEqual([])
  })

  it('refuses a run when none of them is there, and what cannot be an agent', async () => {
    world.env['PATH'] = '/usr/bin:/bin'
    configure('{"provider":"pi"}', ['gemini'])
    const none = await world.belay(['run'])
    expect(none.code).toBe(2)
    expect(none.stderr).toContain('the implementer (pi) cannot be started')
    configure('{"provider":"pi"}', ['gemeni', { provider: 'acp' }, { provider: 'pi', effort: 'huge' }])
    const wrong = await world.belay(['run'])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('workflow.roles.implementer.failover[0]')
    expect(wrong.stderr).toContain('workflow.roles.implementer.failover[1].command')
    expect(wrong.stderr).toContain('workflow.roles.implementer.failover[2].effort')
  })
})
