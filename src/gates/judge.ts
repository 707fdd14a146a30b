import type { Reason } from '../core/words.ts'
import { ran, UNUSABLE, type GateBaseline } from './baseline.ts'
import type { Evidence, GateResult, GateSpec, TestCase, TestReport } from './port.ts'
import { isWeaker } from './reports/model.ts'
import { tooFew } from './run.ts'

export interface JudgeOptions {
  /** Whether the gate ran (was not absent) earlier in this line of commits, whatever the baseline says. */
  readonly everRan: boolean
  /** Whether it had tests earlier in this line of commits. */
  readonly everHadTests: boolean
  /**
   * Whether the task changed what the gate runs, and the gate also passed with the base's version of that (see `baseOverlay`).
   * Counts may then come from a weaker source than before.
   */
  readonly scriptsChanged: boolean
}

export interface Judgement {
  readonly result: GateResult
  readonly reason: Reason | null
  readonly notes: readonly string[]
}

/** How many names a note lists at most. */
const MOST_LISTED = 50

/**
 * Judges evidence against the base: a gate fails for failures that the base did not have. Missing or newly skipped tests are
 * notes, unless no test, or fewer than `min_tests`, remain. `baseline` null: the gate did not run on the base.
 */
export function judge(
  evidence: Evidence,
  baseline: GateBaseline | null,
  gate: GateSpec,
  options: JudgeOptions,
): Judgement {
  const notes = notesOf(evidence.report, baseline)
  const { result, reason } = decide(evidence, baseline, gate, options, notes)
  return { result, reason, notes }
}

type Decision = Omit<Judgement, 'notes'>

function decide(
  evidence: Evidence,
  baseline: GateBaseline | null,
  gate: GateSpec,
  options: JudgeOptions,
  notes: string[],
): Decision {
  const { report, reason } = evidence
  const code = reason?.code ?? ''
  if (evidence.result === 'killed') return { result: 'killed', reason }
  if (UNUSABLE.has(code)) {
    const same =
      baseline?.result === 'fail' && baseline.reason?.code === code && baseline.exitCode === evidence.exitCode
    if (!same || evidence.exitCode === 0) return fail(code, reason?.message ?? '')
    // Possible only in a run that was started despite a red base (see `baselineStops`).
    notes.push(`it fails as it did on the base (${code}, exit status ${evidence.exitCode})`)
    return { result: 'pass', reason: null }
  }
  const hadTests = options.everHadTests || (baseline?.hadTests ?? false)
  const everRan = options.everRan || options.everHadTests || (baseline !== null && baseline.result !== 'absent')
  if (evidence.result === 'absent') {
    if (code === 'no_tests' && hadTests) return fail('zero_tests', `${reason?.message ?? ''}, and it has had tests`)
    return everRan ? fail(code, `${reason?.message ?? ''}, and it has run before`) : { result: 'absent', reason }
  }
  if (hadTests && report === null) {
    return fail(
      'tests_not_counted',
      `it has had tests, and none could be counted (exit status ${evidence.exitCode ?? 'none'})`,
    )
  }
  if (hadTests && report !== null && ran(report.counts) === 0)
    return fail('zero_tests', 'no test ran, and it has had tests')
  const before = baseline?.source ?? null
  if (report !== null && before !== null && isWeaker(report.source, before) && !options.scriptsChanged) {
    return fail(
      'counts_source_lost',
      `tests were counted from a ${before} on the base and only from ${report.source} now`,
    )
  }
  const lost = lostRunners(report, baseline)
  if (lost.length > 0 && !options.scriptsChanged) {
    return fail('tests_not_counted', `no tests of ${lost.join(', ')} could be counted, and there were some on the base`)
  }
  const red = evidence.exitCode !== 0 || (report?.counts.failed ?? 0) > 0
  if (red) {
    const anew = newFailure(evidence, baseline, notes)
    if (anew !== null) return anew
  }
  return tooFew(gate, report === null ? null : ran(report.counts)) ?? { result: 'pass', reason: null }
}

/** Runners that counted tests on the base but report none now. */
function lostRunners(report: TestReport | null, baseline: GateBaseline | null): string[] {
  const now = new Set(report?.runner.split('+'))
  return baseline?.hadTests ? (baseline.runner?.split('+') ?? []).filter((runner) => !now.has(runner)) : []
}

/** The failure that the base did not have; null: everything that fails also failed on the base, in the same way. */
function newFailure(evidence: Evidence, baseline: GateBaseline | null, notes: string[]): Decision | null {
  const { report, reason, exitCode } = evidence
  const own = fail(reason?.code ?? 'exit_status', reason?.message ?? `it ended with exit status ${exitCode ?? 'none'}`)
  if (baseline?.result !== 'fail') {
    const names = report?.failing ?? null
    if (names !== null && names.length > 0)
      return fail('tests_failed', `${count(names.length, 'test fails', 'tests fail')}: ${listed(names)}`)
    return own
  }
  if (report !== null && report.failing !== null && baseline.failing !== null) {
    const known = new Set(baseline.failing)
    const anew = report.failing.filter((id) => !known.has(id))
    if (anew.length > 0)
      return fail(
        'new_failures',
        `${count(anew.length, 'test fails that did', 'tests fail that did')} not on the base: ${listed(anew)}`,
      )
    if (report.failing.length === 0 && baseline.failing.length > 0) return own
  } else if (report !== null && baseline.counts !== null) {
    if (baseline.failing !== null)
      return fail('failing_unnamed', 'the base named its failing tests, and this run does not')
    const more = report.counts.failed - baseline.counts.failed
    if (more > 0) return fail('new_failures', `${count(more, 'more test fails', 'more tests fail')} than on the base`)
    if (report.counts.failed === 0 && baseline.counts.failed > 0) return own
  } else if ((report === null) !== (baseline.counts === null)) {
    return own
  }
  if (exitCode !== baseline.exitCode) {
    return fail(
      'exit_status',
      `it ended with exit status ${exitCode ?? 'none'}, on the base with ${baseline.exitCode ?? 'none'}`,
    )
  }
  const passed = report?.counts.passed ?? 0
  if (passed === 0 && (baseline.counts?.passed ?? 0) > 0) return fail('zero_tests', 'no test passes any more')
  const failed = report?.counts.failed ?? 0
  notes.push(
    failed > 0
      ? `${count(failed, 'test fails as it', 'tests fail as they')} did on the base`
      : `it fails as it did on the base (exit status ${exitCode})`,
  )
  return null
}

function notesOf(report: TestReport | null, baseline: GateBaseline | null): string[] {
  const notes: string[] = []
  if (report === null || baseline?.counts == null) return notes
  if (report.tests !== null && baseline.tests !== null) {
    const { missing, skipped } = lostTests(report.tests, baseline.tests)
    if (missing.length > 0)
      notes.push(`${count(missing.length, 'test of the base is', 'tests of the base are')} gone: ${listed(missing)}`)
    if (skipped.length > 0)
      notes.push(
        `${count(skipped.length, 'test of the base is', 'tests of the base are')} newly skipped: ${listed(skipped)}`,
      )
  } else if (ran(report.counts) < ran(baseline.counts)) {
    notes.push(`${ran(report.counts)} tests ran, ${ran(baseline.counts)} on the base (names are not known)`)
  }
  return notes
}

/** Tests of the base that are missing now, and tests that ran on the base but are skipped now. */
export function lostTests(
  now: readonly TestCase[],
  base: readonly TestCase[],
): { readonly missing: readonly string[]; readonly skipped: readonly string[] } {
  const status = new Map(now.map((test) => [test.id, test.status]))
  return {
    missing: base.filter((test) => !status.has(test.id)).map((test) => test.id),
    skipped: base
      .filter((test) => test.status !== 'skipped' && status.get(test.id) === 'skipped')
      .map((test) => test.id),
  }
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_LISTED).join('; ')
  return names.length > MOST_LISTED ? `${shown}; and ${names.length - MOST_LISTED} more` : shown
}

function fail(code: string, message: string): Decision {
  return { result: 'fail', reason: { code, message } }
}

function count(n: number, one: string, many: string): string {
  return `${n} ${n === 1 ? one : many}`
}
