import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomesWorld } from './support/outcomes-world.ts'
import type { World } from './support/world.ts'

let world: World
let run: string
beforeAll(async () => {
  world = await outcomesWorld()
  run = (await world.json<{ run: { id: string } }>(['status'])).run.id
})
afterAll(() => world.dispose())

async function show(task: string): Promise<string> {
  const { code, stdout, stderr } = await world.belay(['show', task])
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

describe('belay show', () => {
  it('begins with why a task is done, then tells what that rests on', async () => {
    const text = await show('T001')
    const commit = world.git('log', '--format=%H', '--grep=T001', '-1')
    expect(text.split('\n', 1)[0]).toBe(
      `T001 is done: proven by check, reviewed, after 3 attempts; commit ${commit.slice(0, 12)} on main`,
    )
    expect(text).toMatch(/attempts\n {2}1 {2}gates_failed .*\n {2}2 {2}rework .*\n {2}3 {2}landed /)
    expect(text).toMatch(
      /verify, attempt 1\n {4}check: fail \(exit 3, .*\): it ended with exit status 3\n {6}\$ test ! -f answer\.txt .*\n {6}\| it is 41\n/,
    )
    expect(text).toMatch(
      /findings\n {2}f-\w+ {2}high {2}resolved {2}why\.txt\n {4}nobody knows why\n {4}fix: write it down\n/,
    )
    expect(text).toMatch(
      /said\n {2}implementer, attempt 3, implemented: did T001\n {2}reviewer, attempt 3, pass: reviewed T001\n/,
    )
    expect(text).toMatch(/cost +\$0\.2500/)
    expect(text).toMatch(
      /sessions\n {2}s-\w+ +implementer {2}command {2}attempt 3 {2}completed .* 1000 \+ 20 tokens {2}\$0\.2500/,
    )
  })

  it.each([
    [
      'T002',
      'T002 is not done: it is blocked: the implementer says it is blocked: the key is missing',
      /^next: belay retry T002 --resume/m,
    ],
    ['T003', 'T003 is not done: it was skipped: waits for T002', /^next: belay show T002$/m],
    [
      'T004',
      'T004 is not done: it waits for a person: The change is proven',
      /^next: belay answer cp-\w+ VALUE --resume \(VALUE: approve, rework, block\)$/m,
    ],
  ])('%s: says why it is not done, and what to do next', async (task, why, next) => {
    const text = await show(task)
    expect(text.startsWith(why), text).toBe(true)
    expect(text).toMatch(next)
  })

  it('finds a task whatever its case, by RUN/HANDLE, and from a subdirectory', async () => {
    const text = await show('T002')
    expect(await show('t002')).toBe(text)
    expect(await show(`${run}/T002`)).toBe(text)
    expect((await world.belay(['show', 'T002'], { cwd: `${world.repo}/specs` })).stdout).toBe(text)
  })

  it('refuses what is no task, with the nearest one', async () => {
    for (const [name, code, next] of [
      ['T01', 'task_unknown', 'did you mean T001?'],
      [`${run}/T01`, 'task_unknown', 'did you mean T001?'],
      [`${run.slice(0, -1)}${run.endsWith('0') ? '1' : '0'}/T001`, 'run_unknown', `belay status ${run}`],
    ] as const) {
      const { error } = await world.json<{ error: { code: string; next: string } }>(['show', name])
      expect(error).toMatchObject({ code, next })
    }
  })

  it('--json has exactly the agreed shape', async () => {
    const view = await world.json<Record<string, Record<string, unknown>[]>>(['show', 'T001'])
    expect(Object.keys(view)).toEqual(['task', 'attempts', 'evidence', 'findings', 'artifacts'])
    expect(view['task']).toMatchObject({
      run,
      handle: 'T001',
      status: 'done',
      attempt: 3,
      commit: world.git('log', '--format=%H', '--grep=T001', '-1'),
      reason: null,
      cost_usd: 0.25,
      why: expect.stringContaining('T001 is done'),
      next: null,
    })
    const session = expect.stringMatching(/^s-/)
    const time = expect.stringMatching(/^\d{4}-.*Z$/)
    expect(view['attempts']).toEqual(
      ['gates_failed', 'rework', 'landed'].map((outcome, i) => ({
        n: i + 1,
        started_at: time,
        ended_at: time,
        outcome,
        session,
      })),
    )
    const trees = new Set(view['evidence']?.map((one) => one['tree']))
    expect(trees.size).toBe(4)
    expect(
      view['evidence']?.map((one) => [one['gate'], one['phase'], one['attempt'], one['result'], one['exit_code']]),
    ).toEqual([
      ['check', 'baseline', 0, 'pass', 0],
      ['check', 'verify', 1, 'fail', 3],
      ['check', 'verify', 2, 'pass', 0],
      ['check', 'verify', 3, 'pass', 0],
    ])
    expect(view['evidence']?.[1]).toMatchObject({
      argv: ['/bin/sh', '-c', expect.stringContaining('grep -q 42')],
      signal: null,
      timed_out: false,
      duration_ms: expect.any(Number),
      counts: null,
      counts_source: null,
      output_head: 'it is 41\n',
      output_tail: 'it is 41\n',
    })
    expect(view['evidence']?.at(-1)?.['tree']).toBe(world.git('log', '--format=%T', '--grep=T001', '-1'))
    expect(view['findings']).toEqual([
      {
        id: expect.stringMatching(/^f-/),
        severity: 'high',
        issue: 'nobody knows why',
        fixHint: 'write it down',
        file: 'why.txt',
        status: 'resolved',
        seen: 1,
      },
    ])
    const verify = view['artifacts']?.find((one) => one['kind'] === 'verify')
    expect(verify?.['data']).not.toHaveProperty('evidence')
  })
})

describe('belay diff', () => {
  it('of a task that has landed is a patch from which its commit can be made again', async () => {
    const commit = world.git('log', '--format=%H', '--grep=T001', '-1')
    const { code, stdout, stderr } = await world.belay(['diff', 'T001'])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('+because')
    expect(stdout).toContain('GIT binary patch')
    world.files({ '../change.patch': stdout })
    world.git('worktree', 'add', '-q', '--detach', '../again', `${commit}^`)
    try {
      world.git('-C', '../again', 'apply', '--index', '../change.patch')
      expect(world.git('-C', '../again', 'write-tree')).toBe(world.git('rev-parse', `${commit}^{tree}`))
    } finally {
      world.git('worktree', 'remove', '--force', '../again')
    }
  })

  it('of a task that has not landed is what its latest attempt left, and says so', async () => {
    const { code, stdout, stderr } = await world.belay(['diff', 'T002'])
    expect(code).toBe(0)
    expect(stdout).toContain('+half')
    expect(stderr).toBe('not landed: this is what attempt 1 left; see: belay show T002\n')
  })

  it('--stat sums up', async () => {
    const { stdout } = await world.belay(['diff', 'T001', '--stat'])
    expect(stdout).toMatch(/answer\.txt +\| +1 \+\n/)
    expect(stdout).toMatch(/4 files changed, 3 insertions\(\+\), 1 deletion\(-\)\n$/)
  })

  it('--json has the files and the patch', async () => {
    const view = await world.json(['diff', 'T001'])
    expect(view).toMatchObject({ task: 'T001', run, landed: true, patch: expect.stringContaining('+42') })
    expect(view['files']).toEqual([
      { path: 'answer.txt', status: 'A' },
      { path: 'blob.bin', status: 'A' },
      { path: 'specs/001-answer/tasks.md', status: 'M' },
      { path: 'why.txt', status: 'A' },
    ])
  })

  it('of a task without a change says so', async () => {
    expect(await world.belay(['diff', 'T003'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'T003 has changed nothing yet; see: belay show T003\n',
    })
    expect(await world.json(['diff', 'T003'])).toMatchObject({
      from: null,
      to: null,
      landed: false,
      files: [],
      patch: '',
    })
  })
})

describe('belay status', () => {
  it('says for people how things stand and what to do next', async () => {
    const { stdout } = await world.belay(['status'])
    const lines = stdout.split('\n')
    expect(lines[0]).toBe(`run ${run}: waiting`)
    expect(lines[1]).toMatch(/^ {2}1 of 4 tasks of 001-answer done, landed on main, \d+s, \$0\.2500$/)
    expect(lines[2]).toMatch(/^ {2}T001 {2}done {5}Write the answer, 3 attempts {2}[0-9a-f]{10}$/)
    expect(lines[3]).toMatch(
      /^ {2}T002 {2}blocked {2}Use the key: the implementer says it is blocked: the key is missing$/,
    )
    expect(stdout).toContain('\nnext: belay checkpoints\n')
    expect((await world.belay(['status', run])).stdout).toBe(stdout)
  })

  it('--json has the agreed keys', async () => {
    const { run: shown, tasks } = await world.json<{ run: object; tasks: object[] }>(['status'])
    const keys =
      'id status program source target result_branch landed finish_command created_at cost_usd cost_kind'.split(' ')
    expect(Object.keys(shown)).toEqual(expect.arrayContaining(keys))
    for (const task of tasks) {
      expect(Object.keys(task)).toEqual('handle title status phase attempt commit branch reason cost_usd'.split(' '))
    }
  })
})
