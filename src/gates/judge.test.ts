import { describe, expect, it } from 'vitest'
import { baselineKey, baselineStops, classifyBaseline, type GateBaseline } from './baseline.ts'
import { judge, type JudgeOptions } from './judge.ts'
import type { Evidence, GateSpec, TestCase, TestReport } from './port.ts'
import { redExpected } from './red-expected.ts'
import { findingOf } from './reports/model.ts'
import { cleanEnv, gateSpec } from './testing/world.ts'

type Status = TestCase['status']

function report(tests: Readonly<Record<string, Status>>, more: Partial<TestReport> = {}): TestReport {
  const cases = Object.entries(tests).map(([id, status]) => ({ id, status }))
  return { ...findingOf('vitest', 'report', cases), ...more }
}

/** Evidence as `runGate` would return it for these tests. */
function evidence(tests: TestReport | null, more: Partial<Evidence> = {}): Evidence {
  const failed = tests?.counts.failed ?? 0
  const exitCode = more.exitCode === undefined ? (failed > 0 ? 1 : 0) : more.exitCode
  const reason =
    failed > 0 ? { code: 'tests_failed', message: 'x' } : exitCode === 0 ? null : { code: 'exit_status', message: 'x' }
  return {
    gate: 'test',
    argv: ['/bin/sh', '-c', 'x'],
    exitCode,
    signal: null,
    timedOut: false,
    durationMs: 1,
    tree: 't',
    result: reason === null ? 'pass' : 'fail',
    reason,
    report: tests,
    notes: [],
    outputHead: '',
    outputTail: '',
    outputBytes: 0,
    ...more,
  }
}

function without(result: 'absent' | 'killed' | 'fail', code: string, more: Partial<Evidence> = {}): Evidence {
  return evidence(null, { result, reason: { code, message: code }, exitCode: 0, ...more })
}

const OPTIONS: JudgeOptions = { everRan: false, everHadTests: false, scriptsChanged: false }

function judged(
  now: Evidence,
  base: Evidence | null,
  more: Partial<GateSpec> = {},
  options: Partial<JudgeOptions> = {},
) {
  const { result, reason, notes } = judge(now, base && classifyBaseline(base), gateSpec('x', more), {
    ...OPTIONS,
    ...options,
  })
  return { is: reason === null ? result : `${result} ${reason.code}`, notes }
}

const green = evidence(report({ a: 'passed', b: 'passed', c: 'passed' }))
const oneRed = evidence(report({ a: 'passed', b: 'passed', c: 'failed' }))
const noTests = without('absent', 'no_tests', { report: report({}) })

describe('judge on a green base', () => {
  it.each<[string, Evidence, string]>([
    ['the same', green, 'pass'],
    ['a failing test', oneRed, 'fail tests_failed'],
    ['another failure', evidence(green.report, { exitCode: 2 }), 'fail exit_status'],
    ['failing tests and exit 0', evidence(oneRed.report, { exitCode: 0 }), 'fail tests_failed'],
    ['exit 0 and nothing counted', evidence(null), 'fail tests_not_counted'],
    ['exit 0 and zero tests', noTests, 'fail zero_tests'],
    ['every test skipped', without('absent', 'no_tests', { report: report({ a: 'skipped' }) }), 'fail zero_tests'],
    ['killed', without('killed', 'gate_killed', { report: green.report }), 'killed gate_killed'],
    ['timed out', without('killed', 'gate_timed_out', { timedOut: true }), 'killed gate_timed_out'],
    ['contradicting counts', without('fail', 'counts_ambiguous', { report: green.report }), 'fail counts_ambiguous'],
    ['half a report', without('fail', 'report_incomplete', { report: green.report }), 'fail report_incomplete'],
    ['no program any more', without('absent', 'gate_program_missing'), 'fail gate_program_missing'],
    ['text instead of a report', evidence(report({ a: 'passed' }, { source: 'text' })), 'fail counts_source_lost'],
    ['another runner', evidence(report({ a: 'passed' }, { runner: 'mocha' })), 'fail tests_not_counted'],
  ])('%s', (_name, now, expected) => {
    expect(judged(now, green).is).toBe(expected)
  })

  it('lists tests that are gone or newly skipped without failing', () => {
    const now = evidence(report({ a: 'passed', b: 'skipped', d: 'passed' }))
    expect(judged(now, green)).toEqual({
      is: 'pass',
      notes: ['1 test of the base is gone: c', '1 test of the base is newly skipped: b'],
    })
    const text = { source: 'text', tests: null, failing: null } as const
    const fewer = evidence(report({ a: 'passed' }, text))
    expect(judged(fewer, evidence(report({ a: 'passed', b: 'passed' }, text))).notes).toEqual([
      '1 tests ran, 2 on the base (names are not known)',
    ])
  })

  it('wants min_tests tests that really ran', () => {
    const skipped = evidence(report({ a: 'passed', b: 'passed', c: 'skipped' }))
    expect(judged(skipped, green, { minTests: 3 }).is).toBe('fail too_few_tests')
    expect(judged(skipped, green, { minTests: 2 }).is).toBe('pass')
    expect(judged(evidence(null), evidence(null), { minTests: 1 }).is).toBe('fail tests_not_counted')
  })

  it('takes a weaker source or another runner when the scripts changed and the base version passed', () => {
    const now = evidence(report({ a: 'passed' }, { source: 'text', runner: 'mocha' }))
    expect(judged(now, green, {}, { scriptsChanged: true }).is).toBe('pass')
  })

  it('goes by exit status where there never were tests', () => {
    expect(judged(evidence(null), evidence(null)).is).toBe('pass')
    expect(judged(evidence(null, { exitCode: 1 }), evidence(null)).is).toBe('fail exit_status')
  })
})

describe('judge on a red base', () => {
  it('fails on what the base did not have, by name', () => {
    expect(judged(oneRed, oneRed)).toEqual({ is: 'pass', notes: ['1 test fails as it did on the base'] })
    expect(judged(green, oneRed).is).toBe('pass')
    expect(judged(evidence(report({ a: 'failed', b: 'passed', c: 'passed' })), oneRed).is).toBe('fail new_failures')
    expect(judged(evidence(report({ a: 'failed', b: 'passed', c: 'failed' })), oneRed).is).toBe('fail new_failures')
  })

  it('is not fooled by the same failure where nothing else is the same', () => {
    expect(judged(evidence(oneRed.report, { exitCode: 2 }), oneRed).is).toBe('fail exit_status')
    expect(judged(evidence(green.report, { exitCode: 1 }), oneRed).is).toBe('fail exit_status')
    expect(judged(evidence(report({ c: 'failed' })), oneRed).is).toBe('fail zero_tests')
    const unnamed = report({ a: 'passed', b: 'passed', c: 'failed' }, { tests: null, failing: null })
    expect(judged(evidence(unnamed), oneRed).is).toBe('fail failing_unnamed')
  })

  it('takes the same half report as the same failure, unless it claims to have passed', () => {
    const half = (exitCode: number): Evidence =>
      without('fail', 'report_incomplete', { exitCode, report: report({ a: 'passed' }) })
    expect(judged(half(1), half(1)).is).toBe('pass')
    expect(judged(half(0), half(0)).is).toBe('fail report_incomplete')
    expect(judged(half(1), half(2)).is).toBe('fail report_incomplete')
  })

  it('goes by count, else by exit status', () => {
    const some = (failed: number): Evidence =>
      evidence({
        ...report({}),
        tests: null,
        failing: null,
        counts: { total: 5, passed: 5 - failed, failed, skipped: 0 },
      })
    expect(judged(some(2), some(2)).is).toBe('pass')
    expect(judged(some(3), some(2)).is).toBe('fail new_failures')
    const exit = (exitCode: number): Evidence => evidence(null, { exitCode })
    expect(judged(exit(2), exit(2))).toEqual({ is: 'pass', notes: ['it fails as it did on the base (exit status 2)'] })
    expect(judged(exit(1), exit(2)).is).toBe('fail exit_status')
    expect(judged(exit(0), exit(2)).is).toBe('pass')
  })
})

describe('judge without a gate on the base', () => {
  const gone = without('absent', 'project_file_missing')
  it('allows absence until the gate ran', () => {
    expect(judged(gone, gone).is).toBe('absent project_file_missing')
    expect(judged(noTests, noTests).is).toBe('absent no_tests')
    expect(judged(green, noTests).is).toBe('pass')
    expect(judged(oneRed, gone).is).toBe('fail tests_failed')
    expect(judged(noTests, null).is).toBe('absent no_tests')
  })
  it('never again after', () => {
    expect(judged(gone, gone, {}, { everRan: true }).is).toBe('fail project_file_missing')
    expect(judged(noTests, noTests, {}, { everHadTests: true }).is).toBe('fail zero_tests')
    expect(judged(noTests, evidence(null)).is).toBe('fail no_tests')
  })
})

describe('baselines', () => {
  const may = { acceptRedBaseline: false, allowAbsentGates: false, hasSourceFiles: true }
  const stops = (all: readonly Evidence[], more: Partial<typeof may> = {}): string | null =>
    baselineStops(all.map(classifyBaseline), { ...may, ...more })?.code ?? null

  it('stop a run that could prove nothing', () => {
    expect(stops([green, noTests])).toBeNull()
    expect(stops([oneRed])).toBeNull()
    expect(stops([evidence(null, { exitCode: 1 }), green])).toBe('red_baseline')
    expect(stops([evidence(green.report, { exitCode: 1 })])).toBeNull()
    expect(stops([without('killed', 'gate_timed_out', { report: oneRed.report })])).toBe('red_baseline')
    expect(stops([evidence(null, { exitCode: 1 })], { acceptRedBaseline: true })).toBeNull()
    expect(stops([noTests, noTests])).toBe('gates_absent')
    expect(stops([noTests], { hasSourceFiles: false })).toBeNull()
    expect(stops([noTests], { allowAbsentGates: true })).toBeNull()
    expect(stops([])).toBeNull()
  })

  it('survive being stored', () => {
    const baseline: GateBaseline = classifyBaseline(oneRed)
    expect(JSON.parse(JSON.stringify(baseline))).toEqual(baseline)
    expect(baseline).toMatchObject({ result: 'fail', failing: ['c'], hadTests: true, exitCode: 1 })
  })

  it('are keyed by tree, command and environment', () => {
    const env = cleanEnv({ LANG: 'C' })
    const key = baselineKey('t', gateSpec('npm test'), env)
    expect(key).toMatch(/^[0-9a-f]{64}$/)
    expect(baselineKey('t', gateSpec('npm test', { name: 'other' }), { ...env, PWD: '/x', BELAY_TASK: 'r/t' })).toBe(
      key,
    )
    const others = [
      baselineKey('u', gateSpec('npm test'), env),
      baselineKey('t', gateSpec(['npm', 'test']), env),
      baselineKey('t', gateSpec('npm test', { cwd: 'a' }), env),
      baselineKey('t', gateSpec('npm test'), { ...env, LANG: 'de' }),
      baselineKey('t', gateSpec('npm test'), { ...env, PATH: '/nowhere' }),
    ]
    expect(new Set([key, ...others]).size).toBe(6)
  })
})

describe('redExpected', () => {
  const added = ['test/new.test.js', 'calc/calc_test.go']
  const read = async (path: string): Promise<string | null> =>
    path === 'calc/calc_test.go' ? 'package calc\nfunc TestNew(t *testing.T) {}\n' : null
  const base = classifyBaseline(evidence(report({ 'test/old.test.js > a': 'passed' })))
  const check = async (tests: Readonly<Record<string, Status>>, more: Partial<Evidence> = {}) =>
    redExpected(evidence(report({ 'test/old.test.js > a': 'passed', ...tests }), more), base, added, read)

  it('holds when all new failures are in added files', async () => {
    expect(await check({ 'test/new.test.js > s > b': 'failed' })).toMatchObject({ expected: true, elsewhere: [] })
    expect(await check({ 'test/new.test.js': 'failed' })).toMatchObject({ expected: true })
    expect(await check({ 'example.com/m/calc > TestNew/case_1': 'failed' })).toMatchObject({ expected: true })
  })

  it('does not hold when anything else is worse', async () => {
    expect(await check({ 'test/new.test.js > b': 'failed', 'test/old.test.js > c': 'failed' })).toEqual({
      expected: false,
      inAdded: ['test/new.test.js > b'],
      elsewhere: ['test/old.test.js > c'],
      missing: [],
    })
    expect(await check({ 'example.com/m/other > TestNew': 'failed' })).toMatchObject({ expected: false })
    expect(await check({ 'example.com/m/calc > TestOld': 'failed' })).toMatchObject({ expected: false })
    expect(await check({ 'test/old.test.js > a': 'failed', 'test/new.test.js > b': 'failed' })).toMatchObject({
      expected: false,
    })
    expect(await check({}, { exitCode: 1 })).toMatchObject({ expected: false })
    const gone = evidence(report({ 'test/new.test.js > b': 'failed' }))
    expect(await redExpected(gone, base, added, read)).toMatchObject({
      expected: false,
      missing: ['test/old.test.js > a'],
    })
    const lying = { result: 'fail', reason: { code: 'counts_ambiguous', message: '' } } as const
    expect(await check({ 'test/new.test.js > b': 'failed' }, lying)).toMatchObject({ expected: false })
  })
})
