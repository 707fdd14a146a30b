/** The next step that Belay suggests to people: it must be correct, and help them. */
import { afterEach, describe, expect, it } from 'vitest'
import { World, type Scenario } from './support/world.ts'
import { status } from './support/people.ts'

let world: World
afterEach(() => world.dispose())

const WRITES: Scenario = { implementer: { '*': [{ sh: 'echo done > "done-$RANDOM$RANDOM"' }] } }
const STUCK: Scenario = { implementer: { '*': [{ answer: { status: 'blocked', summary: 'the key is missing' } }] } }

function start(scenario: Scenario, tasks: readonly string[], config = ''): void {
  world = new World(scenario)
  world.config(config).feature('001-x', tasks).commit()
}

async function next(): Promise<string | undefined> {
  return /^next: (.*)$/m.exec((await world.belay(['status'])).stdout)?.[1]
}

describe('a run of a part (--until)', () => {
  it('counts what it will do, and says of other tasks that they are not among it', async () => {
    start(WRITES, ['- [ ] T001 [P] A', '- [ ] T002 [P] B', '- [ ] T003 (depends on T002) C', '- [x] T004 D'])
    const dry = await world.belay(['run', '--until', 'T003', '--dry-run'])
    expect(dry.stdout).toMatch(/^2 of 4 tasks of 001-x into main;/)
    const done = await world.belay(['run', '--until', 'T003'])
    expect(done.stderr).toContain('2 of 4 tasks of 001-x into main;')
    expect(await next()).toBeUndefined()
    const { task } = await world.json<{ task: { why: string; next: string } }>(['show', 'T001'])
    expect(task).toMatchObject({
      why: 'T001 is not done: this run was to do only T003 and what it depends on (--until)',
      next: 'belay run',
    })
    expect((await world.belay(['run'])).stderr).toContain('1 of 4 tasks of 001-x into main;')
    expect((await status(world)).tasks.map((one) => one.status)).toEqual(['done', 'done', 'done', 'done'])
  })
})

describe('the next step', () => {
  it('stands at the end of what did not get done, and leads on once a person has done theirs', async () => {
    start(STUCK, ['- [ ] T001 A', '- [ ] T002 B'])
    const first = await world.belay(['run'])
    expect(first.code).toBe(3)
    expect(first.stderr.trimEnd().split('\n').at(-1)).toBe('next: belay show T001')
    expect(await next()).toBe('belay show T001')
    await world.belay(['unblock', 'T001', '--note', 'it is in .env'])
    expect(await next()).toBe('belay resume')
    world.script(WRITES)
    const second = await world.belay(['resume'])
    expect(second.code).toBe(0)
    expect(second.stderr).not.toContain('next:')
    expect(await next()).toBeUndefined()
  })

  it('after the retry of what waited for a person is to resume', async () => {
    start({ implementer: { '*': [{ files: { a: 'a' }, answer: { needsHumanAttention: true } }] } }, ['- [ ] T001 A'])
    const waiting = await world.belay(['run'])
    expect(waiting.stderr.trimEnd().split('\n').at(-1)).toBe('next: belay checkpoints')
    await world.belay(['retry', 'T001'])
    expect(await next()).toBe('belay resume')
  })

  it.each([
    ['workspace: {setup: ["test -f good"]}\n', [], 'fix it and commit, then: belay run'],
    [
      'verify: {commands: ["test -f good"]}\n',
      ['--accept-red-baseline'],
      'fix it and commit, then: belay run; or continue as it is: belay resume --accept-red-baseline',
    ],
  ])('of a run that could not begin is true: %j', async (config, flags, said) => {
    start(WRITES, ['- [ ] T001 A'], config)
    const first = await world.belay(['run'])
    expect(first.code).toBe(2)
    expect(await next()).toBe(said)
    world.files({ good: '' }).commit()
    expect((await world.belay(['run'])).code).toBe(0)
    // The new run has done what the old one was to do: it is not done twice.
    const resumed = await world.belay(['resume'])
    expect(resumed).toMatchObject({ code: 0, stdout: 'Nothing to resume: every run here is finished.\n' })
    expect(world.requests().filter(({ role }) => role === 'implementer')).toHaveLength(1)
    expect(flags.every((flag) => said.includes(flag))).toBe(true)
  })

  it('is the older run where the newer one did something else', async () => {
    start(STUCK, ['- [ ] T001 A'])
    world.feature('002-y', ['- [ ] T001 B']).commit()
    await world.belay(['run', 'specs/001-x'])
    const { run } = await status(world)
    world.script(WRITES)
    expect((await world.belay(['run', 'specs/002-y'])).code).toBe(0)
    await world.belay(['unblock', `${run.id}/T001`])
    expect((await world.belay(['resume'])).code).toBe(0)
    expect((await status(world, run.id)).run.status).toBe('done')
  })

  it('for an argument that is empty is to say something', async () => {
    start(WRITES, ['- [ ] T001 A'])
    const { error } = await world.json<{ error: { code: string; next: string } }>(['run', ''])
    expect(error).toMatchObject({ code: 'prompt_empty', next: 'belay run "what to do"' })
  })
})
