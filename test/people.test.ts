import { afterEach, describe, expect, it } from 'vitest'
import { events, eventually, prompts, question, refusal, status, task, tasks } from './support/people.ts'
import { collect, World, type Scenario } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario, lines: readonly string[] = ['- [ ] T001 Write one'], config = ''): World {
  world = new World(scenario)
  return world.config(config).feature('001-a', lines).commit()
}

const WANTS_A_LOOK = { needsHumanAttention: true, notes: ['is one enough?'] }

describe('a change that the implementer wants a person to see', () => {
  const scenario: Scenario = {
    implementer: {
      T001: [{ files: { 'one.txt': '1\n' }, answer: WANTS_A_LOOK }, { files: { 'one.txt': '1\n1\n' } }],
      T002: [{ files: { 'two.txt': '2\n' } }],
    },
  }

  it('is proven and reviewed, then waits with exit 4, and lands when it is approved', async () => {
    start(scenario, ['- [ ] T001 Write one', '- [ ] T002 Write two (depends on T001)'])
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(4)
    expect(prompts(world, 'reviewer')).toHaveLength(1)
    expect((await status(world)).run.status).toBe('waiting')
    expect(await tasks(world)).toBe('T001 waiting, T002 queued')
    expect(world.log()).toHaveLength(1)
    const asked = await question(world)
    expect(asked).toMatchObject({ task: 'T001', kind: 'attention', options: ['approve', 'rework', 'block'] })
    const text = await world.belay(['checkpoints'])
    expect(text.stdout.split('\n').filter((line) => line.includes('belay answer'))).toEqual([
      `  belay answer ${asked.id} approve`,
      `  belay answer ${asked.id} rework --note "what to change"`,
      `  belay answer ${asked.id} block`,
    ])
    expect(text.stdout).toContain('is one enough?')

    const answered = await world.belay(['answer', asked.id, 'approve', '--resume'])
    expect(answered.code, answered.stderr).toBe(0)
    expect(world.log().map((commit) => commit.trailers['Belay-Task'])).toEqual([undefined, 'T001', 'T002'])
    expect(prompts(world, 'implementer')).toHaveLength(2)
    const [told] = await events(world, 'checkpoint.answered')
    expect(told).toMatchObject({ actor: 'user', task: 'T001', data: { id: asked.id, answer: 'approve', note: null } })
    expect((await world.belay(['checkpoints'])).stdout).toContain('Nothing is asked')
    expect((await world.json<{ checkpoints: unknown[] }>(['checkpoints', '--all'])).checkpoints).toHaveLength(1)
  })

  it('is kept whatever git collects meanwhile: nothing is proven or reviewed again', async () => {
    // The second takes over the checkouts in which the first was proven and reviewed.
    const second = { files: { 'two.txt': '2\n' }, answer: WANTS_A_LOOK }
    start({ implementer: { ...scenario.implementer, T002: [second] } }, [
      '- [ ] T001 [P] Write one',
      '- [ ] T002 [P] Write two',
    ])
    world.config('verify: {commands: ["true"]}\n').commit('with a gate')
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(4)
    expect(await tasks(world)).toBe('T001 waiting, T002 waiting')
    const collectGarbage = (): void => {
      world.git('reflog', 'expire', '--expire=now', '--all')
      world.git('gc', '--quiet', '--prune=now')
    }
    const held = (): string[] => world.git('for-each-ref', '--format=%(refname)', 'refs/belay/candidate').split('\n')
    expect(held()).toHaveLength(2)
    const { checkpoints } = await world.json<{ checkpoints: { id: string; task: string }[] }>(['checkpoints'])
    for (const [n, { id, task: handle }] of checkpoints.entries()) {
      collectGarbage()
      const gates = (await events(world, 'gate.finished')).length
      const answered = await world.belay(['answer', id, 'approve', '--resume'])
      expect(answered.code, answered.stderr).toBe(n === 0 ? 4 : 0)
      expect(await task(world, handle)).toMatchObject({ status: 'done' })
      // The second is proven on its new tip, and it is the change that was reviewed and approved.
      expect((await events(world, 'gate.finished')).length - gates).toBe(n)
      if (n === 0) expect(held()).toHaveLength(1)
    }
    expect(prompts(world, 'reviewer')).toHaveLength(2)
    expect(world.git('for-each-ref', 'refs/belay')).toBe('')
  })

  it('goes back to the implementer with the note of who wants rework, and is not asked about again', async () => {
    start(scenario)
    await world.belay(['run'])
    const asked = await question(world)
    const answered = await world.belay(['answer', asked.id, 'rework', '--note', 'Two are needed', '--resume'])
    expect(answered.code, answered.stderr).toBe(0)
    expect(prompts(world, 'implementer')[1]).toContain('Two are needed')
    expect(world.read('one.txt')).toBe('1\n1\n')
  })

  it('is blocked when the person says so, and unblocked for one more attempt with both notes', async () => {
    start(scenario)
    await world.belay(['run'])
    const asked = await question(world)
    const blocked = await world.belay(['answer', asked.id, 'block', '--note', 'Not like this', '--resume'])
    expect(blocked.code).toBe(3)
    expect((await task(world, 'T001')).reason).toEqual({ code: 'person_blocked', message: 'Not like this' })
    const again = await world.belay(['unblock', 'T001', '--note', 'Like that', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    const [, second] = prompts(world, 'implementer')
    expect(second).toContain('Not like this')
    expect(second).toContain('Like that')
  })

  it('gets the attempt that rework takes, though the attempts are used up', async () => {
    start(scenario, ['- [ ] T001 Write one'], 'task: {max_iterations: 1}\n')
    await world.belay(['run'])
    const answered = await world.belay(['answer', (await question(world)).id, 'rework', '--resume'])
    expect(answered.code, answered.stderr).toBe(0)
  })
})

describe('a change that is none', () => {
  const scenario: Scenario = {
    implementer: { T001: [{ answer: { summary: 'It is all there already' } }, { files: { 'one.txt': '1\n' } }] },
  }

  it('is asked about, and lands as the tick alone when it is accepted', async () => {
    start(scenario)
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(4)
    const asked = await question(world)
    expect(asked).toMatchObject({ kind: 'no_change', options: ['accept', 'retry', 'block'] })
    expect((await task(world, 'T001')).reason).toMatchObject({ code: 'no_change' })
    const answered = await world.belay(['answer', asked.id, 'accept', '--resume'])
    expect(answered.code, answered.stderr).toBe(0)
    const [, commit] = world.log()
    expect(world.git('show', '--format=', '--name-only', commit?.hash ?? '')).toBe('specs/001-a/tasks.md')
    expect(prompts(world, 'reviewer')).toHaveLength(0)
  })

  it('is tried again when the person says so', async () => {
    start(scenario)
    await world.belay(['run'])
    const answered = await world.belay([
      'answer',
      (await question(world)).id,
      'retry',
      '--note',
      'It is not there',
      '--resume',
    ])
    expect(answered.code, answered.stderr).toBe(0)
    expect(prompts(world, 'implementer')[1]).toContain('It is not there')
    expect(world.read('one.txt')).toBe('1\n')
  })

  it('is blocked when the person says so', async () => {
    start(scenario)
    await world.belay(['run'])
    const answered = await world.belay(['answer', (await question(world)).id, 'block', '--resume'])
    expect(answered.code).toBe(3)
    expect((await task(world, 'T001')).status).toBe('blocked')
  })

  it('is nobody to be asked about where the configuration allows it', async () => {
    start(scenario, ['- [ ] T001 Write one'], 'task: {allow_empty: [T001]}\n')
    const run = await world.belay(['run'])
    expect(run.code, run.stderr).toBe(0)
    expect(world.log()).toHaveLength(2)
  })
})

describe('belay answer', () => {
  const scenario: Scenario = { implementer: { T001: [{ files: { 'one.txt': '1\n' }, answer: WANTS_A_LOOK }] } }

  it('refuses what is no answer, no question, or answered already', async () => {
    start(scenario)
    await world.belay(['run'])
    const { id } = await question(world)
    const wrong = await refusal(world, ['answer', id, 'yes'])
    expect(wrong).toMatchObject({
      code: 2,
      error: { code: 'answer_invalid', expected: 'approve, rework, block', received: 'yes' },
    })
    const strange = await refusal(world, ['answer', 'cp-nothing', 'yes'])
    expect(strange).toMatchObject({ code: 2, error: { code: 'checkpoint_unknown', expected: id } })
    const stored = await world.json<{ checkpoint: Record<string, unknown> }>([
      'answer',
      id,
      'approve',
      '--note',
      ' go ',
    ])
    expect(stored.checkpoint).toMatchObject({ id, status: 'answered', answer: 'approve', note: 'go' })
    expect((await task(world, 'T001')).status).toBe('queued')
    expect(await refusal(world, ['answer', id, 'block'])).toMatchObject({
      code: 2,
      error: { code: 'checkpoint_closed' },
    })
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
  })

  it('is followed by a process that works on the run already', async () => {
    const gate = { sh: 'while [ ! -e "$AGENT_DIR/go" ]; do sleep 0.05; done', files: { 'two.txt': '2\n' } }
    start({ implementer: { T001: [{ files: { 'one.txt': '1\n' }, answer: WANTS_A_LOOK }], T002: [gate] } }, [
      '- [ ] T001 [P] Write one',
      '- [ ] T002 [P] Write two',
    ])
    world.env['AGENT_DIR'] = world.agentDir
    const run = world.start(['run', '--concurrency', '2'])
    const ended = collect(run)
    const { id } = await eventually(async () => {
      const { checkpoints } = await world.json<{ checkpoints: { id: string }[] }>(['checkpoints'])
      return checkpoints[0]
    })
    const answered = await world.belay(['answer', id, 'approve', '--resume'])
    expect(answered.code, answered.stderr).toBe(0)
    expect(answered.stderr).toContain(`process ${run.pid}`)
    await eventually(async () => (await task(world, 'T001')).status === 'done')
    world.files({ '../agent/go': '' })
    expect(await ended).toMatchObject({ code: 0 })
    expect(await tasks(world)).toBe('T001 done, T002 done')
  })

  it('cannot be given once the task was begun again: its question has ended', async () => {
    start(scenario)
    await world.belay(['run'])
    const { id } = await question(world)
    await world.belay(['retry', 'T001'])
    expect(await refusal(world, ['answer', id, 'approve'])).toMatchObject({
      code: 2,
      error: { code: 'checkpoint_closed' },
    })
    expect((await world.json<{ checkpoints: unknown[] }>(['checkpoints'])).checkpoints).toEqual([])
  })
})
