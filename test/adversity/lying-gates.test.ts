import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { World, type Turn } from '../support/world.ts'
import { events, expectProven, expectRefused, prompts, survivors, userState, verified } from './support.ts'
import { world, ONCE, start, turn, SUM, TEST, BROKEN, FAKE, project, NODE } from './gates-world.ts'

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
      '{run: "test ! -f slow.sh || sh slow.sh", name: slow, timeout: 10s}',
    )
    const before = userState(world)
    expect((await world.belay(['run', 'Make it slow'])).code).toBe(3)
    await expectRefused(world, before, /ran longer than 10s/)
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
