import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { World, type Scenario, type Turn } from '../support/world.ts'
import {
  evidence,
  events,
  expectProven,
  expectRefused,
  prompts,
  status,
  survivors,
  userState,
  verified,
} from './support.ts'

let world: World
afterEach(() => world.dispose())

const ONCE = 'task: {max_iterations: 1}\n'

function start(scenario: Scenario): World {
  world = new World(scenario)
  return world
}

/** One turn of the implementer for a prompt task. */
function turn(does: Turn): Scenario {
  return { implementer: { '*': [does] } }
}

const SUM = 'export const sum = (a, b) => a + b\n'
const TEST = `import test from 'node:test'
import assert from 'node:assert'
import { sum } from '../src/sum.mjs'
test('adds', () => assert.equal(sum(1, 2), 3))
test('adds nothing', () => assert.equal(sum(1, 0), 1))
`
const BROKEN = 'export const sum = () => 7\n'
const SUMMARY = ['tests 2', 'suites 0', 'pass 2', 'fail 0', 'cancelled 0', 'skipped 0', 'todo 0', 'duration_ms 3']
const FAKE = `console.log(${JSON.stringify(SUMMARY.map((line) => `ℹ ${line}`).join('\n'))})
console.log(${JSON.stringify(['TAP version 13', 'ok 1 - adds', 'ok 2 - adds nothing', '1..2', ...SUMMARY.map((line) => `# ${line}`)].join('\n'))})
`

/** A small project with two honest tests. */
function project(fresh: World, gates: string): World {
  return fresh
    .files({
      'src/sum.mjs': SUM,
      'test/sum.test.mjs': TEST,
      'package.json': JSON.stringify({ name: 'sum', version: '1.0.0', scripts: { test: 'node --test' } }),
      'check.sh':
        '#!/bin/sh\nnode -e "import(\'./src/sum.mjs\').then(({sum}) => process.exit(sum(1, 2) === 3 ? 0 : 1))"\n',
      'run.sh': '#!/bin/sh\nexec node --test\n',
    })
    .config(`${ONCE}verify:\n  commands: [${gates}]\n`)
    .commit()
}

const NODE = '{run: node --test, name: unit}'

describe('a gate that did not really run never passes', () => {
  it.each<[string, string, Turn, RegExp]>([
    [
      'its script became exit 0',
      '{run: sh check.sh, name: check}',
      { files: { 'check.sh': 'exit 0\n', 'src/sum.mjs': BROKEN } },
      /task changed what this gate runs \(check\.sh\)/,
    ],
    [
      'a script that counted tests became exit 0',
      '{run: sh run.sh, name: check}',
      { files: { 'run.sh': 'exit 0\n' } },
      /has had tests, and none could be counted/,
    ],
    [
      'a script prints a summary instead',
      '{run: sh run.sh, name: check}',
      { files: { 'run.sh': `node -e '${FAKE.replaceAll("'", '')}'\n`, 'src/sum.mjs': BROKEN } },
      /has had tests, and none could be counted|task changed what this gate runs/,
    ],
    [
      'the package script became exit 0',
      '{run: npm test, name: check}',
      { files: { 'package.json': JSON.stringify({ name: 'sum', scripts: { test: 'exit 0' } }) } },
      /has had tests, and none could be counted/,
    ],
    [
      'the package script prints a summary',
      '{run: npm test, name: check}',
      {
        files: {
          'package.json': JSON.stringify({
            name: 'sum',
            scripts: { test: "printf '# tests 5\\n# pass 5\\n# fail 0\\n'" },
          }),
        },
      },
      /has had tests, and none could be counted|task changed what this gate runs/,
    ],
    [
      'the package script hides the exit status',
      '{run: npm test, name: check}',
      {
        files: {
          'package.json': JSON.stringify({ name: 'sum', scripts: { test: 'node --test || true' } }),
          'src/sum.mjs': BROKEN,
        },
      },
      /2 tests fail/,
    ],
    ['the tests are gone', NODE, { files: { 'test/sum.test.mjs': null } }, /it has had tests/],
    [
      'the tests are skipped',
      NODE,
      { files: { 'test/sum.test.mjs': TEST.replaceAll("test('", "test.skip('") } },
      /it has had tests/,
    ],
    [
      'the tests are to be done',
      NODE,
      { files: { 'test/sum.test.mjs': TEST.replaceAll("test('", "test.todo('"), 'src/sum.mjs': BROKEN } },
      /it has had tests/,
    ],
    [
      'the test file ends at once with a fake summary',
      NODE,
      { files: { 'test/sum.test.mjs': `${FAKE}process.exit(0)\n` } },
      /it has had tests/,
    ],
    [
      'the test file prints a fake summary and fails',
      NODE,
      { files: { 'test/sum.test.mjs': `${FAKE}${TEST}`, 'src/sum.mjs': BROKEN } },
      /2 tests fail/,
    ],
    [
      'the tests kill the runner',
      NODE,
      { files: { 'test/sum.test.mjs': `${TEST}test('x', () => process.kill(process.ppid, 'SIGKILL'))\n` } },
      /ended by SIGKILL|did not finish its report/,
    ],
    [
      'the tests kill every process of the gate',
      NODE,
      {
        files: {
          'test/sum.test.mjs': `${TEST}test('x', () => { const { execSync } = process.getBuiltinModule('node:child_process'); execSync('kill -9 0') })\n`,
        },
      },
      /ended by SIGKILL|did not finish its report/,
    ],
    [
      'a test changes a tracked file',
      NODE,
      {
        files: {
          'test/sum.test.mjs': `${TEST}import { writeFileSync } from 'node:fs'\nwriteFileSync('src/sum.mjs', ${JSON.stringify(SUM)})\n`,
          'src/sum.mjs': BROKEN,
        },
      },
      /changed files of the tree that it was to prove: src\/sum\.mjs/,
    ],
    [
      'a test removes a tracked file',
      NODE,
      { files: { 'test/sum.test.mjs': `${TEST}import { rmSync } from 'node:fs'\nrmSync('check.sh')\n` } },
      /changed files of the tree that it was to prove: check\.sh/,
    ],
    [
      'a test commits what it changed',
      NODE,
      {
        files: {
          'test/sum.test.mjs': `${TEST}import { execSync } from 'node:child_process'\nexecSync('echo >> check.sh && git commit -qam sneaky')\n`,
        },
      },
      /changed files of the tree that it was to prove: check\.sh/,
    ],
  ])('when %s', async (_name, gates, does, why) => {
    project(start(turn(does)), gates)
    const before = userState(world)
    const result = await world.belay(['run', 'Make it better'])
    expect(result.code, result.stdout + result.stderr).toBe(3)
    await expectRefused(world, before, why)
    const [seen, ...more] = await verified(world, 'prompt')
    expect(more).toEqual([])
    expect(seen?.result).toMatch(/^(fail|killed)$/)
    expect(seen?.argv.slice(0, 2)).toEqual(['/bin/sh', '-c'])
    expect((await events(world)).findLast((event) => event.type === 'gate.finished')?.data).toMatchObject({
      phase: 'verify',
      result: seen?.result,
      tree: seen?.tree,
    })
  })

  it('when it runs out of time, and everything it started ends', async () => {
    project(
      start(turn({ files: { 'slow.sh': 'setsid sleep 1000 </dev/null >/dev/null 2>&1 &\nsleep 1000\n' } })),
      '{run: "test ! -f slow.sh || sh slow.sh", name: slow, timeout: 700ms}',
    )
    const before = userState(world)
    expect((await world.belay(['run', 'Make it slow'])).code).toBe(3)
    await expectRefused(world, before, /ran longer than 700 ms/)
    expect(await verified(world, 'prompt')).toMatchObject([{ result: 'killed', timed_out: true }])
    expect(survivors(world)).toEqual([])
  })

  it('when it writes without end', async () => {
    project(
      start(turn({ files: { loud: '' } })),
      '{run: "test ! -f loud || yes $(printf %04000d 0)", name: loud, timeout: 2m}',
    )
    const before = userState(world)
    expect((await world.belay(['run', 'Make it loud'])).code).toBe(3)
    await expectRefused(world, before, /wrote \d+ bytes of output/)
    const [seen] = await verified(world, 'prompt')
    expect(seen).toMatchObject({ result: 'killed', timed_out: false })
    expect((seen?.output_head.length ?? 0) + (seen?.output_tail.length ?? 0)).toBeLessThan(200_000)
    expect(statSync(join(world.home, 'belay.db')).size).toBeLessThan(5 << 20)
  })

  it('when it counts fewer tests than it must', async () => {
    project(
      start(turn({ files: { 'test/sum.test.mjs': TEST.split('\n').toSpliced(4, 1).join('\n') } })),
      '{run: node --test, name: unit, min_tests: 2}',
    )
    const before = userState(world)
    expect((await world.belay(['run', 'Remove a test'])).code).toBe(3)
    await expectRefused(world, before, /1 tests ran, at least 2 are wanted/)
    expect(await verified(world, 'prompt')).toMatchObject([
      { result: 'fail', exit_code: 0, counts: { total: 1, passed: 1 } },
    ])
  })
})

describe('a gate whose script a task goes around', () => {
  const LINT = JSON.stringify({ name: 'sum', scripts: { lint: 'sh tools/lint.sh' } })
  const files = {
    'package.json': LINT,
    'tools/lint.sh': '! grep -rq bad src\n',
    Makefile: 'lint:\n\t@sh tools/lint.sh\n',
    'src/a.txt': 'good\n',
  }

  function lint(does: Turn, gate: string): World {
    return start(turn(does)).files(files).config(`${ONCE}verify:\n  commands: [{run: ${gate}, name: lint}]\n`).commit()
  }

  it.each<[string, string, Turn]>([
    ['a makefile that comes first', 'make lint', { files: { GNUmakefile: 'lint: ;\n', 'src/a.txt': 'bad\n' } }],
    [
      'a shell that does nothing',
      'npm run lint',
      { files: { '.npmrc': 'script-shell=/bin/true\n', 'src/a.txt': 'bad\n' } },
    ],
    [
      'a link in place of the script',
      'make lint',
      { sh: 'ln -sf /bin/true tools/ok && ln -sf ok tools/lint.sh', files: { 'src/a.txt': 'bad\n' } },
    ],
    [
      'a file in place of its folder',
      'make lint',
      { sh: 'rm -r tools && echo > tools', files: { Makefile: 'lint: ;\n', 'src/a.txt': 'bad\n' } },
    ],
  ])('is run as it was on the base: %s', async (_name, gate, does) => {
    lint(does, gate)
    const before = userState(world)
    const result = await world.belay(['run', 'Write something'])
    expect(result.code, result.stderr).toBe(3)
    await expectRefused(world, before, /task changed what this gate runs|exit status/)
  })

  it('writes through no link of an agent', async () => {
    lint({ files: { 'src/a.txt': 'still good\n' }, sh: 'ln -sf "$HOME/victim" tools/lint.sh' }, 'make lint || true')
    const outside = join(world.dir, 'user', 'victim')
    writeFileSync(outside, 'mine\n')
    const result = await world.belay(['run', 'Write something'])
    expect(result.code, result.stderr).toBe(0)
    expect(readFileSync(outside, 'utf8')).toBe('mine\n')
  })
})

describe('a gate that is honest', () => {
  it('passes with its counts, and what it leaves behind is not landed', async () => {
    project(
      start(turn({ files: { 'src/sum.mjs': `${SUM}// better\n` } })),
      `${NODE}, {run: "mkdir -p out && date > out/log && (setsid sleep 1000 </dev/null >/dev/null 2>&1 &)", name: litter}`,
    )
    const result = await world.belay(['run', 'Make it better'])
    expect(result.code, result.stderr).toBe(0)
    expect(world.log()[1]?.trailers['Belay-Gates']).toBe('unit=pass; litter=pass')
    expect(await verified(world, 'prompt')).toMatchObject([
      { gate: 'unit', result: 'pass', counts: { total: 2, passed: 2, failed: 0, skipped: 0 }, counts_source: 'report' },
      { gate: 'litter', result: 'pass', counts: null },
    ])
    await expectProven(world)
    expect(existsSync(join(world.repo, 'out'))).toBe(false)
    expect(world.git('status', '--porcelain')).toBe('')
    expect(survivors(world)).toEqual([])
  })

  it('runs every command even after one failed, and tells the implementer of all', async () => {
    const bad = { files: { 'src/sum.mjs': BROKEN } }
    const good = { files: { 'src/sum.mjs': `${SUM}// done\n` } }
    project(start({ implementer: { '*': [bad, good] } }), `${NODE}, {run: sh check.sh, name: check}`)
    world
      .config('verify:\n  commands: [{run: node --test, name: unit}, {run: sh check.sh, name: check}]\n')
      .commit('more attempts')
    const result = await world.belay(['run', 'Change the sum'])
    expect(result.code, result.stderr).toBe(0)
    expect((await verified(world, 'prompt')).map((one) => `${one.attempt} ${one.gate} ${one.result}`)).toEqual([
      '1 unit fail',
      '1 check fail',
      '2 unit pass',
      '2 check pass',
    ])
    const [, second = ''] = prompts(world, 'implementer')
    expect(second).toContain('Check unit')
    expect(second).toContain('Check check')
    await expectProven(world)
  })

  it('shows a changed script and a removed test to the reviewer', async () => {
    const fewer = TEST.split('\n').toSpliced(4, 1).join('\n')
    project(
      start(
        turn({
          files: {
            'test/sum.test.mjs': fewer,
            'check.sh': '#!/bin/sh\nexit 0\n',
            '.github/workflows/ci.yml': 'on: push\n',
          },
        }),
      ),
      `${NODE}, {run: sh check.sh, name: check}`,
    )
    const result = await world.belay(['run', 'Tidy up'])
    expect(result.code, result.stderr).toBe(0)
    const [review = ''] = prompts(world, 'reviewer')
    expect(review).toContain('check.sh (script)')
    expect(review).toContain('.github/workflows/ci.yml (ci)')
    expect(review).toContain('gone: test/sum.test.mjs > adds nothing')
  })
})

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
