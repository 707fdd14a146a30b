import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { classifyBaseline } from './baseline.ts'
import { judge } from './judge.ts'
import type { GateSpec } from './port.ts'
import { injectReporters } from './reporters/inject.ts'
import { cleanEnv, folder, gateSpec, hasProgram, nodePrograms, run } from './testing/world.ts'

const node = `'${nodePrograms()[0] ?? 'node'}'`
const GOOD = `const test = require('node:test'); test('one', () => {}); test('two', () => {})`
const SUMMARY = ['tests 2', 'suites 0', 'pass 2', 'fail 0', 'cancelled 0', 'skipped 0', 'todo 0', 'duration_ms 3']
const FAKE = `console.log(${JSON.stringify(SUMMARY.map((line) => `ℹ ${line}`).join('\n'))})`

/** Runs the gate on the base, then on the base with `change` (null removes a file). Returns the judgement on the change. */
async function afterwards(
  base: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string | null>>,
  gate: GateSpec,
): Promise<string> {
  using root = folder(base)
  const before = classifyBaseline(await run(root.path, gate))
  expect(before).toMatchObject({ result: 'pass', hadTests: true })
  for (const [name, text] of Object.entries(change)) {
    if (text === null) rmSync(join(root.path, name))
    else writeFileSync(join(root.path, name), text)
  }
  const evidence = await run(root.path, gate)
  const { result, reason } = judge(evidence, before, gate, { everRan: true, everHadTests: true, scriptsChanged: false })
  return reason === null ? result : `${result} ${reason.code}`
}

describe('a gate that lies', () => {
  const files = {
    'a.test.js': GOOD,
    'check.sh': `#!/bin/sh\nexec ${node} --test a.test.js\n`,
    Makefile: `test:\n\t${node} --test a.test.js\n`,
  }
  const gate = gateSpec('./check.sh')

  it('is believed while it is honest', async () => {
    expect(await afterwards(files, { 'src.js': '' }, gate)).toBe('pass')
  })

  it.each<[string, Record<string, string | null>, string]>([
    ['its script was replaced', { 'check.sh': '#!/bin/sh\nexit 0\n' }, 'fail tests_not_counted'],
    [
      'its script prints a summary',
      { 'check.sh': `#!/bin/sh\n${node} -e ${JSON.stringify(FAKE).replaceAll('$', '')}\n` },
      'fail tests_not_counted',
    ],
    ['its script is gone', { 'check.sh': null }, 'fail project_file_missing'],
    [
      'it hides the exit status',
      {
        'a.test.js': `${GOOD}; test('bad', () => { throw 1 })`,
        'check.sh': `#!/bin/sh\n${node} --test a.test.js || true\n`,
      },
      'fail tests_failed',
    ],
    ['its tests are gone', { 'a.test.js': FAKE }, 'fail zero_tests'],
    [
      'its tests are skipped',
      {
        'a.test.js': `const test = require('node:test'); test.skip('one', () => {}); test.skip('two', () => {}); ${FAKE}`,
      },
      'fail zero_tests',
    ],
    ['its test file ends at once', { 'a.test.js': `${FAKE}; process.exit(0); ${GOOD}` }, 'fail zero_tests'],
    [
      'the test file kills the runner',
      {
        'a.test.js': `${FAKE}; process.kill(process.ppid, 'SIGKILL')`,
        'check.sh': `#!/bin/sh\n${node} --test a.test.js\nexit 0\n`,
      },
      'fail report_incomplete',
    ],
  ])('when %s', async (_name, change, expected) => {
    expect(await afterwards(files, change, gate)).toBe(expected)
  })

  it('when the runner kills its own shell', async () => {
    const test = `${GOOD}; test('x', () => process.kill(process.ppid, 'SIGKILL'))`
    expect(await afterwards(files, { 'a.test.js': test }, gate)).toMatch(
      /^(killed gate_killed|fail report_incomplete)$/,
    )
  })

  it('when it writes more than anyone reads', async () => {
    using root = folder({ 'a.test.js': `for (;;) require('node:fs').writeSync(1, 'x'.repeat(65536))` })
    const seen = await run(root.path, gateSpec(`${node} a.test.js`), { outputLimit: 20 << 20 })
    expect(seen).toMatchObject({ result: 'killed', reason: { code: 'gate_output_limit' } })
  })

  it('when it hangs, and leaves a daemon behind', async () => {
    using root = folder({ 'x.sh': '#!/bin/sh\nsetsid sleep 1000 >/dev/null 2>&1 </dev/null &\nsleep 1000\n' })
    const seen = await run(root.path, gateSpec('./x.sh', { timeoutMs: 400 }))
    expect(seen).toMatchObject({ result: 'killed', timedOut: true, reason: { code: 'gate_timed_out' } })
  })

  it.runIf(hasProgram('pytest'))('when pytest ends itself after a printed summary', async () => {
    const honest = 'def test_x(): pass\n'
    const liar = `import os\ndef test_x():\n    os.write(1, b'\\n=== 1 passed in 0.01s ===\\n')\n    os._exit(0)\n`
    expect(await afterwards({ 'test_x.py': honest }, { 'test_x.py': liar }, gateSpec('pytest -s'))).toBe(
      'fail counts_source_lost',
    )
  })

  it('when it makes a pipe where its report belongs', async () => {
    using root = folder({
      'x.sh': '#!/bin/sh\neval "mkfifo ${PYTEST_ADDOPTS##*--junitxml=}" && echo "1 passed in 0.01s"\n',
    })
    const seen = await run(root.path, gateSpec('./x.sh'))
    expect(seen).toMatchObject({ exitCode: 0, result: 'fail', reason: { code: 'report_incomplete' } })
  })

  it('when two summaries contradict and no report tells', async () => {
    const summary = (n: number): string => `printf 'Ran ${n} tests in 0.1s\\n\\nOK\\n'`
    using root = folder({ python3: `#!/bin/sh\n${summary(50)}\n${summary(2)}\n` })
    const env = { PATH: `${root.path}:${process.env['PATH'] ?? ''}` }
    const seen = await run(root.path, gateSpec('python3 -m unittest'), { env })
    expect(seen).toMatchObject({ exitCode: 0, result: 'fail', reason: { code: 'counts_ambiguous' } })
  })

  it('when a report file says other than the runner', async () => {
    const text = `printf '  1 passing\\n  1 failing\\n'; echo '<testsuite><testcase name="a"/></testsuite>' > junit.xml`
    using root = folder({ 'node_modules/.bin/mocha': `#!/bin/sh\n${text}\n` })
    const seen = await run(root.path, gateSpec('./node_modules/.bin/mocha'))
    expect(seen).toMatchObject({ exitCode: 0, result: 'fail', reason: { code: 'counts_ambiguous' } })
  })
})

describe('report files of a project', () => {
  it('count when they were written by this run, and only then', async () => {
    const write = (path: string, name: string): string =>
      `mkdir -p "$(dirname ${path})"; echo '<testsuite><testcase name="${name}"/></testsuite>' > ${path}`
    using root = folder({ 'build/test-results/old.xml': '<testsuite><testcase name="old"/></testsuite>' })
    const seen = await run(
      root.path,
      gateSpec(
        `${write('build/test-results/test/TEST-a.xml', 'a')}; ${write('target/surefire-reports/TEST-b.xml', 'b')}`,
      ),
    )
    expect(seen.report).toMatchObject({
      runner: 'junit',
      source: 'report',
      counts: { total: 2, passed: 2, failed: 0, skipped: 0 },
    })
  })
})

describe('a gate inside a gate', () => {
  it('takes the place of the outer one', async () => {
    using outer = folder()
    const env = await injectReporters({
      reportDir: outer.path,
      env: cleanEnv({ NODE_OPTIONS: '--no-warnings' }),
      nodeTest: true,
    })
    using root = folder({ 'a.test.js': GOOD, 'test_a.py': 'def test_a(): pass\n' })
    const seen = await run(root.path, gateSpec(`${node} --test a.test.js`), { env: { ...env, BELAY_GATE_RUNNER: '1' } })
    expect(seen).toMatchObject({ result: 'pass', report: { source: 'report', counts: { total: 2, passed: 2 } } })
    expect(readdirSync(outer.path).filter((name) => !name.startsWith('belay-'))).toEqual([])
    const again = await injectReporters({ reportDir: root.path, env, nodeTest: true })
    expect(again['NODE_OPTIONS']?.startsWith('--no-warnings "--require=')).toBe(true)
    expect(again['NODE_OPTIONS']).not.toContain(outer.path)
    expect(again['PYTEST_ADDOPTS']).not.toContain(outer.path)
  })
})

describe('the folder of a gate', () => {
  it('may be missing, and never leads out of the tree', async () => {
    using root = folder({ 'api/x': '' })
    expect(await run(root.path, gateSpec('pwd', { cwd: 'api' }))).toMatchObject({
      result: 'pass',
      outputHead: `${root.path}/api\n`,
    })
    expect(await run(root.path, gateSpec('pwd', { cwd: 'web' }))).toMatchObject({
      result: 'absent',
      reason: { code: 'gate_folder_missing' },
    })
    await expect(run(root.path, gateSpec('pwd', { cwd: '../..' }))).rejects.toMatchObject({ code: 'gate_cwd_outside' })
  })
})
