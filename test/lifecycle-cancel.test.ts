import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openRepository } from '../src/git/repository.ts'
import { findWith } from '../src/process/index.ts'
import { RecordStore } from '../src/record/index.ts'
import { cleanRuns } from '../src/runs/clean.ts'
import { events, eventually, prompts, refusal, status, task, tasks } from './support/people.ts'
import { collect, World, type Scenario, type Turn } from './support/world.ts'

let world: World
afterEach(() => world.dispose())

function start(scenario: Scenario, lines: readonly string[] = ['- [ ] T001 Write one'], config = ''): World {
  world = new World(scenario)
  return world.config(config).feature('001-a', lines).commit()
}

const ONE: Turn = { files: { 'one.txt': '1\n' } }
const TWO: Turn = { files: { 'two.txt': '2\n' } }
/** Says that it is there, leaves a child behind, and never answers. */
const HANG: Turn = { sh: 'sleep 1000 >/dev/null 2>&1 & echo x > begun.txt', hang: true }

/** Pids of what was started for tasks of this world's runs and still lives. */
async function living(): Promise<number[]> {
  const { id } = (await status(world)).run
  return findWith('BELAY_TASK', (mark) => mark.startsWith(`${id}/`))
}

function asked(handle: string): boolean {
  return prompts(world, 'implementer', handle).length > 0
}

function workspaces(): string[] {
  const folder = join(world.home, 'workspaces')
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((project) =>
    readdirSync(join(folder, project)).flatMap((run) => readdirSync(join(folder, project, run))),
  )
}

function branches(): string[] {
  return world
    .git('for-each-ref', '--format=%(refname)', 'refs/heads/belay/', 'refs/belay/')
    .split('\n')
    .filter((ref) => ref !== '')
}

describe('belay cancel', () => {
  it("ends a running task's agent, gives its workspace back, and lets the others go on", async () => {
    start({ implementer: { T001: [HANG], T002: [TWO] } }, ['- [ ] T001 [P] Write one', '- [ ] T002 [P] Write two'])
    const run = collect(world.start(['run', '--concurrency', '1']))
    await eventually(() => asked('T001'))
    expect(await refusal(world, ['retry', 'T001'])).toMatchObject({ code: 2, error: { code: 'held' } })
    const long = await refusal(world, ['cancel', 'T001', '--note', 'x'.repeat(100_000)])
    expect(long).toMatchObject({ code: 2, error: { code: 'note_too_long' } })
    const cancelled = await world.json(['cancel', 'T001', '--note', 'not needed'])
    expect(cancelled).toMatchObject({ task: { handle: 'T001', status: 'cancelled' }, cancelled: ['T001'], held: true })
    const ended = await run
    expect(ended.code, ended.stderr).toBe(3)
    expect(await tasks(world)).toBe('T001 cancelled, T002 done')
    expect((await task(world, 'T001')).reason).toEqual({
      code: 'cancelled',
      message: 'given up by its user: not needed',
    })
    expect((await status(world)).run.status).toBe('cancelled')
    expect(await living()).toEqual([])
    expect(workspaces()).toEqual([])
    expect(await events(world, 'task.cancelled')).toMatchObject([
      { actor: 'user', task: 'T001', data: { was: 'running' } },
    ])
    // Again is no error, and what was given up can be taken up again.
    expect((await world.belay(['cancel', 'T001'])).code).toBe(0)
    world.script({ implementer: { T001: [ONE] } })
    const again = await world.belay(['retry', 'T001', '--resume'])
    expect(again.code, again.stderr).toBe(0)
    expect(await tasks(world)).toBe('T001 done, T002 done')
  })

  it('gives up a whole run under the process that works on it', async () => {
    start({ implementer: { T001: [HANG] } }, ['- [ ] T001 Write one', '- [ ] T002 Write two'])
    const run = collect(world.start(['run']))
    await eventually(() => asked('T001'))
    const { id } = (await status(world)).run
    const cancelled = await world.belay(['cancel', id])
    expect(cancelled.code, cancelled.stderr).toBe(0)
    const ended = await run
    expect(ended.code, ended.stderr).toBe(3)
    expect((await status(world)).run).toMatchObject({ status: 'cancelled', reason: { code: 'cancelled' } })
    expect(await tasks(world)).toBe('T001 cancelled, T002 cancelled')
    expect(await living()).toEqual([])
    expect((await events(world, 'run.finished')).map((event) => event.data['status'])).toEqual(['cancelled'])
    expect((await world.belay(['resume'])).stdout).toContain('Nothing to resume')
    expect((await world.belay(['cancel', id])).code).toBe(0)
  })

  it('of a whole run is taken back for a task and what waits for it, by retrying that task', async () => {
    start({ implementer: { T001: [HANG] } }, [
      '- [ ] T001 Write one',
      '- [ ] T002 Write two',
      '- [ ] T003 Write three',
      '- [ ] T004 Write four',
    ])
    const run = collect(world.start(['run', '--keep-going']))
    await eventually(() => asked('T001'))
    const { id } = (await status(world)).run
    // Given up for itself: it stays so.
    expect((await world.belay(['cancel', 'T003'])).code).toBe(0)
    expect((await world.belay(['cancel', id])).code).toBe(0)
    await run
    expect(await tasks(world)).toBe('T001 cancelled, T002 cancelled, T003 cancelled, T004 cancelled')
    world.script({ implementer: { T001: [ONE], T002: [TWO], T004: [{ files: { 'four.txt': '4\n' } }] } })
    const retried = await world.belay(['retry', 'T001'])
    expect(retried.code, retried.stderr).toBe(0)
    expect(retried.stderr).toContain('queued again with it: T002, T004')
    expect(await tasks(world)).toBe('T001 queued, T002 queued, T003 cancelled, T004 queued')
    expect((await world.belay(['resume'])).code).toBe(3)
    expect(await tasks(world)).toBe('T001 done, T002 done, T003 cancelled, T004 done')
  })

  it('ends what a killed Belay left, and refuses what is done', async () => {
    start({ implementer: { T001: [ONE], T002: [HANG] } }, ['- [ ] T001 Write one', '- [ ] T002 Write two'])
    const child = world.start(['run'])
    const run = collect(child)
    await eventually(() => asked('T002'))
    child.kill('SIGKILL')
    await run
    expect(await refusal(world, ['cancel', 'T001'])).toMatchObject({ code: 2, error: { code: 'task_done' } })
    const cancelled = await world.json(['cancel', 'T002'])
    expect(cancelled).toMatchObject({ status: 'cancelled', cancelled: ['T002'], held: false })
    expect(await living()).toEqual([])
    expect(await tasks(world)).toBe('T001 done, T002 cancelled')
    expect(workspaces()).toEqual([])
    expect(await refusal(world, ['cancel', 'nothing'])).toMatchObject({ code: 2, error: { code: 'task_unknown' } })
  })
})

describe('belay clean', () => {
  it('removes what a landed run left, and says nothing is left the next time', async () => {
    start({ implementer: { T001: [ONE] } })
    expect((await world.belay(['run'])).code).toBe(0)
    const { id, result_branch: result } = (await status(world)).run
    expect(branches()).toContain(`refs/heads/${result}`)
    const dry = await world.json<{ cleaned: { run: string; branches: string[] }[] }>(['clean', '--dry-run'])
    expect(dry).toMatchObject({ dry_run: true, cleaned: [{ run: id }], kept: [] })
    expect(dry.cleaned[0]?.branches).toEqual([result, `belay/${id}/task-T001`])
    expect(branches()).toHaveLength(2)
    const cleaned = await world.belay(['clean'])
    expect(cleaned.stdout).toContain(`removed of run ${id}: 0 workspaces, 2 branches`)
    expect(branches()).toEqual([])
    expect((await world.belay(['clean'])).stdout).toBe('Nothing to clean.\n')
    // The record stays.
    expect((await task(world, 'T001')).status).toBe('done')
    expect((await world.belay(['logs', 'T001'])).code).toBe(0)
  })

  it('keeps a run that is set going again while it looks', async () => {
    start({ implementer: { T001: [{ answer: { status: 'blocked' } }] } })
    expect((await world.belay(['run'])).code).toBe(3)
    const record = RecordStore.open(world.home)
    try {
      const write = record.write.bind(record)
      // Between the look at the run and the lease on it, which is the first that is written.
      vi.spyOn(record, 'write').mockImplementationOnce(async (work) => {
        expect((await world.belay(['retry', 'T001'])).code).toBe(0)
        return write(work)
      })
      const repository = await openRepository(world.repo)
      const request = { record, repository, run: null, force: true, dryRun: false }
      expect(await cleanRuns(request)).toMatchObject({ cleaned: [], kept: [{ reason: { code: 'unfinished' } }] })
    } finally {
      await record.close()
    }
    expect((await task(world, 'T001')).status).toBe('queued')
    expect(branches()).not.toEqual([])
  })

  it('keeps work that is in no branch of the user, and names it, unless it is forced', async () => {
    start({ implementer: { T001: [ONE] } })
    world.files({ 'belay.yaml': `${world.read('belay.yaml')}# not committed\n` })
    expect((await world.belay(['run'])).code).toBe(0)
    const { id, landed, result_branch: result } = (await status(world)).run
    expect(landed).toBe(false)
    const all = await world.json<{ kept: unknown[] }>(['clean'])
    expect(all).toMatchObject({ cleaned: [], kept: [{ run: id, reason: { code: 'unlanded' } }] })
    expect(await refusal(world, ['clean', id])).toMatchObject({ code: 2, error: { code: 'unlanded' } })
    expect(branches()).toContain(`refs/heads/${result}`)
    // Any branch of the user keeps the work as well as the target does.
    world.git('branch', 'mine', result)
    expect(await world.json(['clean', id, '--dry-run'])).toMatchObject({ cleaned: [{ run: id }] })
    world.git('branch', '-D', 'mine')
    expect(await world.json(['clean', id, '--force'])).toMatchObject({ cleaned: [{ run: id }] })
    expect(branches()).toEqual([])
    expect(await refusal(world, ['resume', id])).toMatchObject({ code: 2, error: { code: 'run_cleaned' } })
  })

  it('goes on where it was killed', async () => {
    start({
      implementer: { T001: [ONE] },
      reviewer: {
        T001: [{ answer: { verdict: 'blocked', acceptanceChecks: [{ criterion: 'x', note: 'y', status: 'fail' }] } }],
      },
    })
    expect((await world.belay(['run'])).code).toBe(3)
    const { id } = (await status(world)).run
    for (let round = 0; ; round++) {
      const child = world.start(['clean', id, '--force'])
      const ended = collect(child)
      // Killed a little later each time, until it comes to its end before that.
      const kill = setTimeout(() => child.kill('SIGKILL'), 100 + 40 * round)
      const { code } = await ended
      clearTimeout(kill)
      if (code === 0) break
    }
    expect(branches()).toEqual([])
    expect(workspaces()).toEqual([])
    expect((await world.belay(['clean'])).stdout).toBe('Nothing to clean.\n')
    expect(world.git('worktree', 'list').split('\n')).toHaveLength(1)
  })

  it('leaves runs alone that can go on, and the begun work of blocked tasks', async () => {
    start({
      implementer: { T001: [ONE] },
      reviewer: {
        T001: [{ answer: { verdict: 'blocked', acceptanceChecks: [{ criterion: 'x', note: 'y', status: 'fail' }] } }],
      },
    })
    expect((await world.belay(['run'])).code).toBe(3)
    const { id } = (await status(world)).run
    expect(await world.json(['clean'])).toMatchObject({
      cleaned: [],
      kept: [{ run: id, reason: { code: 'unlanded', message: expect.stringContaining('T001') } }],
    })
    await world.belay(['unblock', 'T001'])
    expect(await refusal(world, ['clean', id, '--force'])).toMatchObject({ code: 2, error: { code: 'unfinished' } })
    await world.belay(['cancel', id])
    expect(await world.json(['clean'])).toMatchObject({ cleaned: [{ run: id }], kept: [] })
    expect(branches()).toEqual([])
    expect(workspaces()).toEqual([])
    expect(await refusal(world, ['retry', 'T001'])).toMatchObject({ code: 2, error: { code: 'run_cleaned' } })
  })
})

describe('Ctrl-C', () => {
  const scenario: Scenario = { implementer: { T001: [HANG] } }

  it('once ends the agents and saves everything: exit 130, and no attempt is burnt', async () => {
    start(scenario, ['- [ ] T001 Write one'], 'task: {max_iterations: 1}\n')
    const begun = join(world.dir, 'begun')
    world.script({ implementer: { T001: [{ ...HANG, sh: `${HANG.sh}; : > '${begun}'` }] } })
    const child = world.start(['run'])
    const run = collect(child)
    // Asked is not enough: what it did then must be there to be saved.
    await eventually(() => existsSync(begun))
    child.kill('SIGINT')
    const ended = await run
    expect(ended.code, ended.stderr).toBe(130)
    expect(ended.stderr).toContain('belay resume')
    expect(await living()).toEqual([])
    expect((await status(world)).run.status).toBe('interrupted')
    expect(await task(world, 'T001')).toMatchObject({ status: 'queued', phase: 'implement', attempt: 0 })
    world.script({ implementer: { T001: [ONE] } })
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    // What the agent had done by then is not lost.
    expect(prompts(world, 'implementer')[1]).toContain('cut off')
    expect(world.read('begun.txt')).toBe('x\n')
    expect(
      world
        .requests()
        .filter((one) => one['role'] === 'implementer')
        .map((one) => one['attempt']),
    ).toEqual([1, 1])
  })

  it('twice ends at once, and the run goes on all the same', async () => {
    // An agent that does not react to being asked to stop; the keeper ends it.
    start({ implementer: { T001: [{ ...HANG, sh: `trap '' INT TERM HUP; ${HANG.sh}` }] } })
    const child = world.start(['run'])
    const run = collect(child)
    await eventually(() => asked('T001'))
    child.kill('SIGINT')
    child.kill('SIGTERM')
    const ended = await run
    expect(ended.code, ended.stderr).toBe(130)
    await eventually(async () => (await living()).length === 0)
    world.script({ implementer: { T001: [ONE] } })
    const resumed = await world.belay(['resume'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect((await task(world, 'T001')).status).toBe('done')
  })
})
