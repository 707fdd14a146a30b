import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { evidence, expectProven, prompts, status, userState, verified } from './support.ts'
import { world, ONCE, start, turn, SUM, TEST, BROKEN } from './gates-world.ts'

describe('gates that are not there yet', () => {
  const SOURCE = { 'src/sum.mjs': SUM }
  const PACKAGE = JSON.stringify({ name: 'sum', scripts: { test: 'node --test' } })

  it('stop a run in a repository with source files', async () => {
    start(turn({})).files(SOURCE).config('verify:\n  commands: [npm test]\n').commit()
    const before = userState(world)
    const failure = await world.json<{ error: { code: string; next: string } }>(['run', 'Add a package'])
    expect(failure.error.code).toBe('gates_absent')
    expect(failure.error.next).toContain('--allow-absent-gates')
    expect(world.requests()).toEqual([])
    expect(userState(world)).toEqual(before)
    // What the error says to do is what works.
    world.script(turn({ files: { 'package.json': PACKAGE, 'test/sum.test.mjs': TEST } }))
    const resumed = await world.belay(['resume', '--allow-absent-gates'])
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(world.log()[1]?.trailers['Belay-Gates']).toBe('npm test=pass')
  })

  it('exit 2 says so', async () => {
    start(turn({})).files(SOURCE).config('verify:\n  commands: [npm test]\n').commit()
    expect((await world.belay(['run', 'Add a package'])).code).toBe(2)
  })

  it('may be absent until they first run, and never again', async () => {
    const tests = { 'package.json': PACKAGE, 'test/sum.test.mjs': TEST, ...SOURCE }
    start({
      implementer: {
        T001: [{ files: { 'NOTES.md': 'later\n' } }],
        T002: [{ files: tests }],
        T003: [{ files: { 'package.json': null } }],
        T004: [{ files: { 'test/sum.test.mjs': null } }],
      },
    })
      .feature('001-first', [
        '- [ ] T001 Write notes',
        '- [ ] T002 Begin the project',
        '- [ ] T003 Remove the package',
        '- [ ] T004 Remove the tests',
      ])
      .config(`${ONCE}verify:\n  commands: [npm test]\n`)
      .commit()
    const result = await world.belay(['run', '--keep-going'])
    expect(result.code, result.stderr).toBe(3)
    const now = await status(world)
    expect(now.tasks.map((task) => task.status)).toEqual(['done', 'done', 'blocked', 'blocked'])
    expect(
      world
        .log()
        .slice(1)
        .map((commit) => commit.trailers['Belay-Gates']),
    ).toEqual(['npm test=absent', 'npm test=pass'])
    expect(now.tasks[2]?.reason?.message).toMatch(/no package\.json, and it has run before/)
    expect(now.tasks[3]?.reason?.message).toMatch(/it has had tests/)
    expect((await verified(world, 'T001'))[0]).toMatchObject({ result: 'absent' })
    await expectProven(world)
  })
})

describe('a base that is red already', () => {
  it('stops a run when it does not say which tests fail, unless that is accepted', async () => {
    start(turn({ files: { 'a.txt': 'a\n' } }))
      .files({ 'check.sh': 'echo always; exit 3\n' })
      .config('verify:\n  commands: [{run: sh check.sh, name: check}]\n')
      .commit()
    const before = userState(world)
    const refused = await world.belay(['run', 'Write a file', '--json'])
    expect(refused.code).toBe(2)
    expect(refused.stdout).toContain('"red_baseline"')
    expect(world.requests()).toEqual([])
    expect(userState(world)).toEqual(before)
    const accepted = await world.belay(['run', 'Write a file', '--accept-red-baseline'])
    expect(accepted.code, accepted.stderr).toBe(0)
    expect((await evidence(world, 'prompt')).map((one) => `${one.phase} ${one.result} ${one.exit_code}`)).toContain(
      'verify pass 3',
    )
    await expectProven(world)
  })

  it('does not block for tests that failed before, and does for new ones', async () => {
    const tests = `${TEST}test('known to fail', () => assert.equal(1, 2))\n`
    start({
      implementer: { '*': [{ files: { 'src/sum.mjs': BROKEN } }, { files: { 'src/sum.mjs': `${SUM}// changed\n` } }] },
    })
      .files({ 'src/sum.mjs': SUM, 'test/sum.test.mjs': tests })
      .config('verify:\n  commands: [{run: node --test, name: unit}]\n')
      .commit()
    const result = await world.belay(['run', 'Change the sum'])
    expect(result.code, result.stderr).toBe(0)
    const seen = await verified(world, 'prompt')
    expect(seen.map((one) => `${one.result} ${one.counts?.failed}`)).toEqual(['fail 3', 'pass 1'])
    const [, second = ''] = prompts(world, 'implementer')
    expect(second).toMatch(/why it failed: 2 tests fail that did not on the base/)
    expect(world.log()).toHaveLength(2)
  })
})

describe('no gates', () => {
  it('are warned of once, and said in the trailer', async () => {
    start({ implementer: { T001: [{ files: { a: '1' } }], T002: [{ files: { b: '2' } }] } })
      .feature('001-two', ['- [ ] T001 Write a', '- [ ] T002 Write b'])
      .config()
      .commit()
    const result = await world.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr.match(/no gates|no checks|nothing is checked|unproven/gi) ?? []).toHaveLength(1)
    expect(
      world
        .log()
        .slice(1)
        .map((commit) => commit.trailers['Belay-Gates']),
    ).toEqual(['none', 'none'])
    await expectProven(world)
  })

  it('are refused when they are required', async () => {
    start(turn({})).config('verify: {required: true}\n').commit()
    const before = userState(world)
    const failure = await world.belay(['run', 'Write a file', '--json'])
    expect(failure.code).toBe(2)
    expect(JSON.parse(failure.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      error: { code: 'gates_required' },
    })
    expect(world.requests()).toEqual([])
    expect(existsSync(world.home)).toBe(false)
    expect(userState(world)).toEqual(before)
  })
})

describe('a baseline that is found out when a task is verified', () => {
  it('is kept as evidence of its own', async () => {
    const error = { code: 'quota', message: 'usage limit', retry_at: new Date(Date.now() + 3_600_000).toISOString() }
    start({ implementer: { T001: [{ error }, { files: { 'one.txt': '1\n' } }] }, byCall: true })
      .feature('001-one', ['- [ ] T001 Write one'])
      .config('verify:\n  commands: [{run: "test -f belay.yaml", name: see}]\n')
      .commit()
    expect((await world.belay(['run', '--no-wait'])).code).toBe(5)
    // In another environment the gate may say something else of the same tree.
    const again = await world.belay(['retry', 'T001', '--resume'], { env: { LANG: 'C.UTF-8', PYTHONPATH: '/other' } })
    expect(again.code, again.stderr).toBe(0)
    const shown = await world.json<{ evidence: { phase: string; tree: string; result: string }[] }>(['show', 'T001'])
    expect(shown.evidence.map((one) => `${one.phase} ${one.result}`)).toEqual([
      'baseline pass',
      'baseline pass',
      'verify pass',
    ])
    expect(shown.evidence[1]?.tree).toBe(world.git('rev-parse', 'HEAD^^{tree}'))
    expect(shown.evidence[2]?.tree).toBe(world.git('rev-parse', 'HEAD^{tree}'))
  })
})

describe('a result branch that moves between verify and integrate', () => {
  it('has the change proven again on the new tip', async () => {
    // The reviewer of T001 waits until T002 has landed.
    const wait = `until [ "$(git for-each-ref --format='%(objectname)' 'refs/heads/belay/*/result')" != "$(git rev-parse HEAD^)" ]; do sleep 0.02; done`
    start({
      implementer: { T001: [{ files: { 'one.txt': '1\n' } }], T002: [{ files: { 'two.txt': '2\n' } }] },
      reviewer: { T001: [{ sh: wait }], T002: [{}] },
    })
      .feature('001-two', ['- [ ] T001 [P] Write one', '- [ ] T002 [P] Write two'])
      .config(
        'concurrency: 2\nverify:\n  commands: [{run: ls *.md belay.yaml one.txt two.txt 2>/dev/null | sort; test -f belay.yaml, name: see}]\n',
      )
      .commit()
    const result = await world.belay(['run'])
    expect(result.code, result.stderr).toBe(0)
    const commits = world.log().slice(1)
    expect(commits.map((commit) => commit.trailers['Belay-Task'])).toEqual(['T002', 'T001'])
    const seen = await verified(world, 'T001')
    expect(seen).toHaveLength(2)
    expect(seen[0]?.tree).not.toBe(seen[1]?.tree)
    expect(seen[1]?.output_head).toContain('two.txt')
    expect(seen[1]?.tree).toBe(commits[1]?.tree)
    // A clean rebase is not reviewed again.
    expect(prompts(world, 'reviewer')).toHaveLength(2)
    await expectProven(world)
  })
})
