import { afterEach, describe, expect, it } from 'vitest'
import { events, prompts, refusal, status, task, tasks } from './support/people.ts'
import { World, type Scenario, type Turn } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario, lines: readonly string[] = ['- [ ] T001 Write one'], config = ''): World {
  world = new World(scenario)
  return world.config(config).feature('001-a', lines).commit()
}

const ONE: Turn = { files: { 'one.txt': '1\n' } }
const TWO: Turn = { files: { 'two.txt': '2\n' } }

function rework(issue: string): Turn {
  return {
    answer: {
      verdict: 'rework',
      summary: `not yet: ${issue}`,
      findings: [{ severity: 'high', issue, fixHint: 'mend it' }],
    },
  }
}

describe('what an implementer answers', () => {
  it('partial is another attempt with what is left', async () => {
    start({
      implementer: {
        T001: [{ files: { 'a.txt': 'a\n' }, answer: { status: 'partial', unresolvedItems: ['write one.txt'] } }, ONE],
      },
    })
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(prompts(world, 'implementer')[1]).toContain('write one.txt')
    expect(prompts(world, 'reviewer')).toHaveLength(1)
    expect(world.git('show', '--format=', '--name-only', 'HEAD').split('\n')).toEqual(
      expect.arrayContaining(['a.txt', 'one.txt']),
    )
  })

  it('blocked blocks with its reason, holds back what depends on it, and goes on with one more attempt when it is unblocked', async () => {
    const blocked: Turn = {
      answer: { status: 'blocked', summary: 'no key', unresolvedItems: ['the key of the service'] },
    }
    start(
      { implementer: { T001: [blocked, ONE], T002: [TWO] } },
      ['- [ ] T001 Write one', '- [ ] T002 Write two'],
      'task: {max_iterations: 1}\n',
    )
    const run = await world.belay(['run'])
    expect(run.code).toBe(3)
    expect(await tasks(world)).toBe('T001 blocked, T002 skipped')
    expect((await task(world, 'T001')).reason).toMatchObject({
      code: 'agent_blocked',
      message: expect.stringContaining('the key of the service'),
    })
    expect((await task(world, 'T002')).reason).toMatchObject({ code: 'dependency' })
    // Only blocked tasks are unblocked; others are told what helps.
    expect(await refusal(world, ['unblock', 'T002'])).toMatchObject({
      code: 2,
      error: { code: 'not_blocked', received: 'skipped' },
    })
    const changed = await world.json<{ task: unknown }>(['unblock', 'T001', '--note', 'The key is in .env.test'])
    expect(changed.task).toMatchObject({ handle: 'T001', status: 'queued', phase: 'implement', attempt: 1 })
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(prompts(world, 'implementer', 'T001')[1]).toContain('The key is in .env.test')
    expect(await tasks(world)).toBe('T001 done, T002 done')
    expect(await refusal(world, ['unblock', 'T001'])).toMatchObject({
      error: { code: 'not_blocked', received: 'done' },
    })
  })
})

describe('what a reviewer answers', () => {
  it('blocked blocks, and the note of who unblocks it goes to the reviewer', async () => {
    start({
      implementer: { T001: [ONE] },
      reviewer: {
        T001: [
          {
            answer: {
              verdict: 'blocked',
              summary: 'which one?',
              acceptanceChecks: [{ criterion: 'x', note: 'y', status: 'unclear' }],
            },
          },
          {},
        ],
      },
    })
    expect((await world.belay(['run'])).code).toBe(3)
    expect((await task(world, 'T001')).reason).toEqual({ code: 'review_blocked', message: 'which one?' })
    const again = await world.belay(['unblock', 'T001', '--note', 'The first one', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    expect(prompts(world, 'implementer')).toHaveLength(1)
    expect(prompts(world, 'reviewer')[1]).toContain('The first one')
  })

  it('that fits no schema goes back twice with the problems, burns no attempt, and blocks after three tries', async () => {
    start({ implementer: { T001: [ONE] }, reviewer: { T001: [{ answer: { verdict: 'perhaps' } }] } })
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(3)
    expect(prompts(world, 'reviewer')).toHaveLength(9)
    expect(prompts(world, 'reviewer')[1]).toContain('did not fit the schema')
    expect(await task(world, 'T001')).toMatchObject({
      status: 'blocked',
      attempt: 1,
      phase: 'review',
      reason: { code: 'agent_protocol' },
    })
  })

  it('the same finding: a new conversation from the base at the third time, the end at the fifth', async () => {
    const turn = (n: number): Turn => ({ files: { [`try-${n}.txt`]: `${n}\n` } })
    start(
      {
        implementer: { T001: [turn(1), turn(2), turn(3), turn(4), turn(5), turn(6)] },
        reviewer: { T001: [1, 2, 3, 4, 5].map(() => rework('no tests')).concat([{}]) },
      },
      ['- [ ] T001 Write one'],
      'task: {max_iterations: 9}\n',
    )
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(3)
    expect(await task(world, 'T001')).toMatchObject({
      status: 'blocked',
      attempt: 5,
      reason: { code: 'findings_repeat', message: expect.stringContaining('no tests') },
    })
    const sessions = (await events(world, 'session.started')).filter(
      (event) => event.actor === 'belay' && event.data['role'] === 'implementer',
    )
    // One for attempts 1 to 3, then each attempt begins anew.
    expect(sessions.map((event) => event.data['attempt'])).toEqual([1, 4, 5])
    const asked = prompts(world, 'implementer')
    expect(asked[3]).toContain('What was tried before')
    const again = await world.belay(['unblock', 'T001', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    // From the base: what the first attempts made is not in it.
    expect(world.git('show', '--format=', '--name-only', 'HEAD').split('\n')).toEqual([
      'specs/001-a/tasks.md',
      'try-6.txt',
    ])
  })

  it('attempts are limited, whatever fails', async () => {
    start(
      { implementer: { T001: [ONE] }, reviewer: { T001: [rework('a'), rework('b'), {}] } },
      ['- [ ] T001 Write one'],
      'task: {max_iterations: 2}\n',
    )
    expect((await world.belay(['run'])).code).toBe(3)
    expect(await task(world, 'T001')).toMatchObject({
      status: 'blocked',
      attempt: 2,
      reason: { code: 'attempts_exhausted', message: expect.stringContaining('b') },
    })
    const retried = await world.json<{ task: unknown }>(['retry', 'T001'])
    expect(retried.task).toMatchObject({ status: 'queued', phase: 'implement', attempt: 0, reason: null })
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    // Findings and what was tried are kept out of the new round; the history is not lost.
    const last = prompts(world, 'implementer').at(-1) ?? ''
    expect(last).not.toContain('What was tried before')
    expect(last).not.toContain('Open findings')
    const shown = await world.json<{ attempts: { n: number; outcome: string }[] }>(['show', 'T001'])
    expect(shown.attempts.map((one) => `${one.n} ${one.outcome}`)).toEqual(['1 rework', '2 rework', '1 landed'])
  })
})

describe('a task whose plan was judged wrong', () => {
  const scenario: Scenario = {
    implementer: { T001: [ONE], T002: [TWO] },
    reviewer: {
      T001: [
        {
          answer: {
            verdict: 'replan',
            summary: 'one is not enough',
            acceptanceChecks: [{ criterion: 'x', note: 'y', status: 'fail' }],
          },
        },
        {},
      ],
    },
  }

  it('is read again from its source as it is committed now, and all of it lands on the target', async () => {
    start(scenario, ['- [ ] T001 Write one', '- [ ] T002 Write two'])
    expect((await world.belay(['run'])).code).toBe(3)
    expect(await tasks(world)).toBe('T001 replan, T002 skipped')
    expect((await task(world, 'T001')).reason).toEqual({ code: 'review_replan', message: 'one is not enough' })

    const edited = world.read('specs/001-a/tasks.md').replace('T001 Write one', 'T001 Write one and a half')
    world.files({ 'specs/001-a/tasks.md': edited })
    expect(await refusal(world, ['retry', 'T001'])).toMatchObject({
      code: 2,
      error: { code: 'source_uncommitted', received: 'specs/001-a/tasks.md' },
    })
    world.files({ 'specs/001-a/tasks.md': edited.replace('- [ ] T001 Write one and a half\n', '') }).commit('vanished')
    expect(await refusal(world, ['retry', 'T001'])).toMatchObject({ code: 2, error: { code: 'task_gone' } })
    world.files({ 'specs/001-a/tasks.md': edited.replace('[ ] T001', '[x] T001') }).commit('ticked')
    expect(await refusal(world, ['retry', 'T001'])).toMatchObject({ code: 2, error: { code: 'task_ticked' } })
    expect((await task(world, 'T001')).status).toBe('replan')
    world.files({ 'specs/001-a/tasks.md': edited }).commit('replanned')

    const retried = await world.belay(['retry', 'T001', '--resume'])
    expect(retried.code, retried.stderr).toBe(0)
    const [, second] = prompts(world, 'implementer', 'T001')
    expect(second).toContain('Write one and a half')
    expect(second).not.toContain('Write one\n')
    const { run, tasks: all } = await status(world)
    expect(run).toMatchObject({ status: 'done', landed: true })
    expect(all[0]).toMatchObject({ handle: 'T001', title: 'Write one and a half', status: 'done' })
    expect(world.log().at(-2)?.subject).toBe('Task T001: Write one and a half')
    expect(world.read('specs/001-a/tasks.md').match(/\[[xX]\]/g)).toHaveLength(2)
  })
})

describe('belay retry', () => {
  it('refuses what is done, a phase that is none, and a phase that the task is not ready for', async () => {
    start({ implementer: { T001: [ONE], T002: [{ answer: { status: 'blocked' } }] } }, [
      '- [ ] T001 [P] Write one',
      '- [ ] T002 [P] Write two',
    ])
    expect((await world.belay(['run'])).code).toBe(3)
    const commit = world.log()[1]?.hash.slice(0, 12)
    expect(await refusal(world, ['retry', 'T001'])).toMatchObject({
      code: 2,
      error: { code: 'task_done', received: `commit ${commit}` },
    })
    expect(await refusal(world, ['retry', 'T002', '--from', 'ship'])).toMatchObject({
      code: 2,
      error: { code: 'usage', expected: expect.stringContaining('implement') },
    })
    expect(await refusal(world, ['retry', 'T002', '--from', 'review'])).toMatchObject({
      code: 2,
      error: { code: 'usage', next: 'belay retry T002 --from verify' },
    })
    expect(await refusal(world, ['retry', 'T002', '--from', 'decide'])).toMatchObject({
      code: 2,
      error: { code: 'usage' },
    })
    expect(await refusal(world, ['retry', 'T009'])).toMatchObject({ code: 2, error: { code: 'task_unknown' } })
    expect((await task(world, 'T002')).status).toBe('blocked')
  })

  it('proves and reviews the same change again from verify on', async () => {
    start(
      { implementer: { T001: [ONE] }, reviewer: { T001: [rework('a'), {}] } },
      ['- [ ] T001 Write one'],
      'task: {max_iterations: 1}\nverify: {commands: ["test -f belay.yaml"]}\n',
    )
    expect((await world.belay(['run'])).code).toBe(3)
    const again = await world.belay(['retry', 'T001', '--from', 'verify', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    expect(prompts(world, 'implementer')).toHaveLength(1)
    expect(prompts(world, 'reviewer')).toHaveLength(2)
    expect(world.read('one.txt')).toBe('1\n')
  })

  it('is refused where what the user committed meanwhile makes a check prove nothing', async () => {
    start(
      { implementer: { T001: [ONE, ONE] } },
      ['- [ ] T001 Write one'],
      'task: {max_iterations: 1}\nverify: {commands: ["test ! -e red && test ! -e one.txt"]}\n',
    )
    expect((await world.belay(['run'])).code).toBe(3)
    world.files({ red: '' }).commit('breaks it')
    const again = await world.belay(['retry', 'T001', '--resume'])
    expect(again.code).toBe(2)
    expect(again.stderr).toContain('[red_baseline]')
    expect(world.has('one.txt')).toBe(false)
  })

  it('begins at what the user has mended on the target meanwhile', async () => {
    start(
      { implementer: { T001: [ONE] } },
      ['- [ ] T001 Write one'],
      'task: {max_iterations: 1}\nverify: {commands: ["test ! -e one.txt || test -e mended"]}\n',
    )
    expect((await world.belay(['run'])).code).toBe(3)
    world.files({ mended: '' }).commit('mend')
    const again = await world.belay(['retry', 'T001', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    expect((await status(world)).run).toMatchObject({ status: 'done', landed: true })
    expect(world.log().map((commit) => commit.subject)).toEqual(['work', 'mend', 'Task T001: Write one'])
  })
})
