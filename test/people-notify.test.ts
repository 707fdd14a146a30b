import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { events, question, status } from './support/people.ts'
import { World, type Scenario } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

const SCENARIO: Scenario = {
  implementer: { T001: [{ files: { 'one.txt': '1\n' }, answer: { needsHumanAttention: true } }] },
}

function start(scenario: Scenario, command: string): World {
  world = new World(scenario)
  return world
    .config(`notify: {command: ${JSON.stringify(command)}}\n`)
    .feature('001-a', ['- [ ] T001 Write one'])
    .commit()
}

interface Told {
  readonly event: string
  readonly status: string
  readonly run: string
  readonly task: { readonly handle: string } | null
  readonly checkpoint: { readonly id: string; readonly options: readonly string[] } | null
  readonly message: string
}

/** What the command was told, one JSON line per call. */
function told(): Told[] {
  const file = join(world.dir, 'user', 'told')
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)
}

describe('notify.command', () => {
  it('is told when a person is wanted and when a run ended, each once, without model keys and forge tokens', async () => {
    start(SCENARIO, 'cat >> "$HOME/told"; env | grep -E "^(BELAY_|OPENAI|GITHUB)" | sort >> "$HOME/environment"')
    world.env['OPENAI_API_KEY'] = 'sk-secret'
    world.env['GITHUB_TOKEN'] = 'gh-secret'
    expect((await world.belay(['run'])).code).toBe(4)
    const { id } = await question(world)
    const { run } = await status(world)
    expect(told()).toMatchObject([
      {
        event: 'task.waiting',
        run: run.id,
        task: { handle: 'T001' },
        checkpoint: { id, options: ['approve', 'rework', 'block'] },
      },
      { event: 'run.finished', run: run.id, status: 'waiting', task: null },
    ])
    const environment = readFileSync(join(world.dir, 'user', 'environment'), 'utf8')
    expect(environment).toContain('BELAY_EVENT=task.waiting\n')
    expect(environment).toContain('BELAY_HANDLE=T001\n')
    expect(environment).not.toContain('secret')
    expect((await world.belay(['answer', id, 'approve', '--resume'])).code).toBe(0)
    expect(told().map((one) => `${one.event} ${one.status}`)).toEqual([
      'task.waiting waiting',
      'run.finished waiting',
      'run.finished done',
    ])
    expect(await events(world, 'notify.failed')).toEqual([])
  })

  it('that fails, or is not there, is a remark and no failed run', async () => {
    start(
      { implementer: { '*': [{ files: { 'one.txt': '1\n' } }], prompt: [{ files: { 'two.txt': '2\n' } }] } },
      'exit 7',
    )
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stderr).toContain('notify.command failed: it ended with exit status 7')
    world.files({ 'belay.yaml': world.read('belay.yaml').replace('"exit 7"', '[/nowhere/notify]') }).commit()
    const next = await world.belay(['run', 'Do another thing', '--json'])
    expect(next.code, next.stderr).toBe(0)
    expect(next.stderr).toContain('was not found')
    expect(JSON.parse(next.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'run.finished',
      status: 'done',
    })
    expect((await events(world, 'notify.failed')).at(-1)?.data['message']).toContain('was not found')
  })

  it('is told of what is blocked, and of a run that failed', async () => {
    start({ implementer: { T001: [{ answer: { status: 'blocked', summary: 'no key' } }] } }, 'cat >> "$HOME/told"')
    expect((await world.belay(['run'])).code).toBe(3)
    expect(told().map((one) => `${one.event}: ${one.message}`)).toEqual([
      expect.stringMatching(/^task\.blocked: T001 is blocked: .*no key/),
      expect.stringMatching(/^run\.finished: run \S+ is blocked/),
    ])
    world.files({ 'belay.yaml': `workspace: {setup: ["exit 1"]}\n${world.read('belay.yaml')}` }).commit()
    expect((await world.belay(['run', 'Do another thing'])).code).toBe(2)
    expect(told().at(-1)).toMatchObject({ event: 'run.failed', status: 'failed', reason: { code: 'setup_failed' } })
  })
})
