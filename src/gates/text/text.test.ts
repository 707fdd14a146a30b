import { describe, expect, it } from 'vitest'
import type { Runner } from '../commands/runners.ts'
import { MOST_LINES, textScanners, type Scan } from './index.ts'

function scan(runner: Runner, output: string): Scan {
  const scanners = textScanners([runner])
  for (const line of output.split('\n')) scanners.line(line)
  const found = scanners.end().get(runner)
  if (!found) throw new Error(`no scanner for ${runner}`)
  return found
}

/** `total/passed/failed/skipped` of every summary, then failing names and doubts. */
function read(runner: Runner, output: string): unknown {
  const { findings, doubt, none } = scan(runner, output)
  return {
    counts: findings.map(({ counts: c }) => `${c.total}/${c.passed}/${c.failed}/${c.skipped}`),
    failing: findings.map((finding) => finding.failing),
    doubt: doubt !== null,
    none,
  }
}

const clear = { doubt: false, none: false }

describe('text of JavaScript runners', () => {
  it('node:test', () => {
    const block = (mark: string, n: number): string =>
      ['tests 4', 'suites 0', `pass ${n}`, 'fail 1', 'cancelled 0', 'skipped 1', 'todo 0', 'duration_ms 3.2']
        .map((l) => `${mark} ${l}`)
        .join('\n')
    expect(read('node:test', block('ℹ', 2))).toEqual({ counts: ['4/2/1/1'], failing: [null], ...clear })
    expect(read('node:test', `${block('#', 2)}\nℹ tests 9\nℹ pass 9`)).toMatchObject({ counts: ['4/2/1/1'] })
    expect(read('node:test', `${block('#', 3)}\n${block('ℹ', 2)}`)).toMatchObject({ counts: ['5/3/1/1', '4/2/1/1'] })
  })

  it('vitest, coloured', () => {
    const output = `
 \u001b[31m❯\u001b[39m a.test.ts (3 tests | 1 failed)
 FAIL  a.test.ts > s > bad
 FAIL  b.test.ts [ b.test.ts ]
 FAIL  |unit| c.test.ts > x
\u001b[2m Test Files \u001b[22m 3 failed | 1 passed (4)
\u001b[2m      Tests \u001b[22m 2 failed | 4 passed | 1 skipped | 1 todo (8)`
    expect(read('vitest', output)).toEqual({
      counts: ['9/4/3/2'],
      failing: [['a.test.ts > s > bad', 'b.test.ts', 'c.test.ts > x']],
      ...clear,
    })
  })

  it('jest', () => {
    const output = `PASS  src/ok.test.js
FAIL src/a.test.js (5.2 s)
  ● s › bad

FAIL src/broken.test.js
  ● Test suite failed to run

Summary of all failing tests
FAIL src/a.test.js
  ● s › bad

Test Suites: 2 failed, 1 passed, 3 total
Tests:       1 failed, 1 skipped, 1 todo, 3 passed, 6 total
Snapshots:   0 total`
    expect(read('jest', output)).toEqual({
      counts: ['7/3/2/2'],
      failing: [['src/a.test.js > s > bad', 'src/broken.test.js']],
      ...clear,
    })
  })

  it('mocha', () => {
    const output = '\n  12 passing (1s)\n  2 pending\n  1 failing\n\n  1) s\n'
    expect(read('mocha', output)).toEqual({ counts: ['15/12/1/2'], failing: [null], ...clear })
    expect(read('mocha', '  3 passing\n\nlater\n  1 failing\n')).toMatchObject({ counts: ['3/3/0/0'] })
  })
})

describe('text of Python runners', () => {
  it('pytest', () => {
    const output = `FAILED tests/test_a.py::TestK::test_x - assert 0
ERROR tests/test_b.py
==== 1 failed, 3 passed, 2 skipped, 1 xfailed, 4 warnings, 1 error in 1.20s ====`
    expect(read('pytest', output)).toEqual({
      counts: ['8/3/2/3'],
      failing: [['tests/test_a.py > TestK > test_x', 'tests/test_b.py']],
      ...clear,
    })
    expect(read('pytest', '3 passed in 0.01s')).toMatchObject({ counts: ['3/3/0/0'] })
    expect(read('pytest', '==== no tests ran in 0.01s ====')).toMatchObject({ counts: ['0/0/0/0'], none: true })
    expect(read('pytest', 'I saw 3 passed in 0.01s')).toMatchObject({ counts: [] })
  })

  it('unittest', () => {
    const output = `ERROR: test_b (m.T.test_b)
FAIL: test_a (m.T.test_a)
Ran 5 tests in 0.001s

FAILED (failures=1, errors=1, skipped=1)`
    expect(read('unittest', output)).toEqual({
      counts: ['5/2/2/1'],
      failing: [['m.T.test_b > test_b', 'm.T.test_a > test_a']],
      ...clear,
    })
    expect(read('unittest', 'Ran 0 tests in 0.000s\n\nOK')).toMatchObject({ none: true })
    expect(read('unittest', 'Ran 5 tests in 0.001s\n')).toMatchObject({ counts: [], doubt: true })
  })
})

describe('text of compiled languages', () => {
  it('go, by package', () => {
    const output = `--- FAIL: TestB (0.00s)
    --- FAIL: TestB/case (0.00s)
FAIL
FAIL\texample.com/m/b\t0.003s
ok  \texample.com/m/a\t(cached)
?   \texample.com/m/c\t[no test files]
ok  \texample.com/m/d\t0.1s [no tests to run]
FAIL\texample.com/m/e [build failed]
FAIL`
    expect(read('go', output)).toEqual({
      counts: ['5/1/4/0'],
      failing: [['example.com/m/b > TestB', 'example.com/m/b > TestB/case', 'example.com/m/b', 'example.com/m/e']],
      ...clear,
    })
    expect(read('go', '?   \texample.com/m\t[no test files]')).toMatchObject({ counts: [], none: true })
  })

  it('go, verbose and as JSON', () => {
    const verbose = '--- PASS: TestA (0.00s)\n--- SKIP: TestS (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\nFAIL\tm/b\t0.1s'
    expect(read('go', verbose)).toEqual({ counts: ['3/1/1/1'], failing: [['m/b > TestB']], ...clear })
    const json = ['pass', 'fail', 'skip']
      .map((Action, i) => JSON.stringify({ Action, Package: 'm', Test: `T${i}` }))
      .join('\n')
    const { findings } = scan(
      'go',
      `${json}\n{"Action":"fail","Package":"m"}\n{"Action":"output","Package":"m","Output":"x"}`,
    )
    expect(findings).toMatchObject([
      { source: 'reporter', counts: { total: 3, passed: 1, failed: 1, skipped: 1 }, failing: ['m > T1'] },
    ])
    expect(read('go', '--- PASS: TestA (0.00s)\nok  \tm/a\t1s\n--- PASS: TestB (0.00s)')).toMatchObject({ doubt: true })
  })

  it('cargo, by binary, with a test that prints a result', () => {
    const output = `     Running unittests src/lib.rs (target/debug/deps/demo-1)

running 2 tests
test tests::good ... ok
test tests::later ... ignored

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/whole.rs (target/debug/deps/whole-2)

running 1 test
test bad ... FAILED

failures:

---- bad stdout ----
test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests demo

running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s`
    expect(read('cargo', output)).toEqual({ counts: ['3/1/1/1'], failing: [['tests/whole.rs > bad']], ...clear })
    expect(read('cargo', 'running 3 tests\ntest a ... ok')).toMatchObject({ counts: [], doubt: true })
    expect(read('cargo', 'running 3 tests\ntest result: ok. 9 passed; 0 failed; 0 ignored')).toMatchObject({
      counts: [],
      doubt: true,
    })
    expect(read('cargo', 'running 2 tests\n..\ntest result: ok. 2 passed; 0 failed; 0 ignored')).toMatchObject({
      counts: ['2/2/0/0'],
    })
  })

  it('cargo nextest', () => {
    const output = `        PASS [   0.005s] demo tests::good
        FAIL [   0.005s] demo::whole bad
------------
     Summary [   0.010s] 2 tests run: 1 passed, 1 failed, 3 skipped
        FAIL [   0.005s] demo::whole bad`
    expect(read('cargo', output)).toEqual({ counts: ['5/1/1/3'], failing: [['demo::whole > bad']], ...clear })
  })

  it('dotnet', () => {
    const output = `  Failed My.Tests.B.Bad [12 ms]
Failed!  - Failed:     1, Passed:     3, Skipped:     1, Total:     5, Duration: 20 ms - My.Tests.dll (net8.0)
Passed!  - Failed:     0, Passed:     2, Skipped:     0, Total:     2, Duration: 20 ms - Other.Tests.dll (net8.0)`
    expect(read('dotnet', output)).toEqual({ counts: ['7/5/1/1'], failing: [['My.Tests.B.Bad']], ...clear })
    const twice = 'Passed!  - Failed: 0, Passed: 2, Skipped: 0, Total: 2, Duration: 1 ms - A.dll (net8.0)'
    expect(read('dotnet', `${twice}\n${twice}`)).toMatchObject({ doubt: true })
  })
})

describe('TAP', () => {
  it('counts points of the top level against the plan', () => {
    const output =
      'TAP version 13\nok 1 - a\n    ok 1 - inner\n    1..1\nnot ok 2 - b\nok 3 - c # SKIP why\nnot ok 4 - d # TODO\n1..4'
    expect(read('tap', output)).toEqual({ counts: ['4/1/1/2'], failing: [['b']], ...clear })
    expect(read('tap', '1..3\nok 1\nok 2')).toMatchObject({ doubt: true })
    expect(read('tap', '1..2\nok 1\nBail out! no disk')).toMatchObject({ doubt: true })
    expect(read('tap', '1..0 # skip nothing')).toMatchObject({ counts: ['0/0/0/0'], none: true })
    expect(read('tap', 'okay then\nok by me')).toMatchObject({ counts: [] })
  })
})

describe('output without end', () => {
  it('is not read line by line to its end, and then not believed', () => {
    const scanners = textScanners(['tap'])
    for (const line of ['1..1', 'ok 1']) scanners.line(line)
    for (let n = 0; n < MOST_LINES; n++) scanners.line('y')
    expect(scanners.end().get('tap')?.doubt).toContain('not all read')
  })
})
