import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { arch, platform, release } from 'node:os'
import type { Reason } from '../core/words.ts'
import { resolveProgram } from '../process/index.ts'
import type { CountsSource, Evidence, GateSpec, TestCase, TestCounts } from './port.ts'

/** A gate's result on the base commit, as plain JSON. It is stored under `baselineKey` and reused. */
export interface GateBaseline {
  readonly gate: string
  readonly tree: string
  readonly result: 'pass' | 'fail' | 'absent'
  /** Why the result is not `pass`; null when it is. */
  readonly reason: Reason | null
  readonly exitCode: number | null
  readonly counts: TestCounts | null
  readonly source: CountsSource | null
  readonly runner: string | null
  /** Ids of the failed tests; null: not known. */
  readonly failing: readonly string[] | null
  /** Every test by name; null: not known. */
  readonly tests: readonly TestCase[] | null
  /** Whether at least one test really ran. */
  readonly hadTests: boolean
}

/**
 * Turns the evidence of a run on the base commit into a baseline. A run that was cut short counts as a failure without counts.
 */
export function classifyBaseline(evidence: Evidence): GateBaseline {
  const { report, result } = evidence
  const base = { gate: evidence.gate, tree: evidence.tree, reason: evidence.reason, exitCode: evidence.exitCode }
  // Counts that are contradictory or incomplete do not tell what failed.
  if (result === 'killed' || report === null || UNUSABLE.has(evidence.reason?.code ?? '')) {
    const nothing = { counts: null, source: null, runner: null, failing: null, tests: null, hadTests: false }
    return { ...base, result: result === 'killed' ? 'fail' : result, ...nothing }
  }
  return {
    ...base,
    result,
    counts: report.counts,
    source: report.source,
    runner: report.runner,
    failing: report.failing,
    tests: report.tests,
    hadTests: ran(report.counts) > 0,
  }
}

/** Reason codes that mean that nothing was proven, whatever the counts. */
export const UNUSABLE: ReadonlySet<string> = new Set(['counts_ambiguous', 'report_incomplete'])

/** The number of tests that really ran. */
export function ran(counts: TestCounts): number {
  return counts.passed + counts.failed
}

export interface StopOptions {
  readonly acceptRedBaseline: boolean
  readonly allowAbsentGates: boolean
  /** Whether the repository contains source files, so that there is something to check. */
  readonly hasSourceFiles: boolean
}

/** Why a run must not begin on these baselines; null: it may. */
export function baselineStops(baselines: readonly GateBaseline[], options: StopOptions): Reason | null {
  const red = baselines.filter(
    (one) => one.result === 'fail' && one.failing === null && (one.counts?.failed ?? 0) === 0,
  )
  const [first] = red
  if (first && !options.acceptRedBaseline) {
    const names = red.map((one) => one.gate).join(', ')
    return {
      code: 'red_baseline',
      message: `${names} already fails on the base commit without saying which tests (${first.reason?.message ?? 'no reason'}): it could prove nothing. Fix it, or continue with --accept-red-baseline.`,
    }
  }
  const allAbsent = baselines.length > 0 && baselines.every((one) => one.result === 'absent')
  if (allAbsent && options.hasSourceFiles && !options.allowAbsentGates) {
    const why = baselines.map((one) => `${one.gate}: ${one.reason?.message ?? 'absent'}`).join('; ')
    return {
      code: 'gates_absent',
      message: `no gate runs on the base commit (${why}): nothing could be proven. Fix verify.commands, or continue with --allow-absent-gates.`,
    }
  }
  return null
}

/** Variables that differ between terminals, sessions or runs without changing what a gate does. */
const VOLATILE =
  /^(_|PWD|OLDPWD|SHLVL|TERM.*|COLORTERM|COLUMNS|LINES|WINDOWID|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|XDG_(SESSION|RUNTIME|SEAT|VTNR).*|SSH_.*|GPG_.*|DBUS_.*|INVOCATION_ID|JOURNAL_STREAM|TMUX.*|STY|BELAY_.*|LS_COLORS|VSCODE_.*|ITERM_.*|TMPDIR)$/

/**
 * The key under which a baseline is stored: the same for the same tree, gate and environment. Values of variables are only
 * hashed, never stored.
 */
export function baselineKey(tree: string, gate: GateSpec, env: Readonly<Record<string, string>>): string {
  const variables = Object.entries(env)
    .filter(([name]) => !VOLATILE.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const programs = PROGRAMS.map((program) => [program, stamp(resolveProgram(program, '/', env['PATH']))])
  const { run, cwd, timeoutMs, minTests } = gate
  const parts = [1, tree, { run, cwd, timeoutMs, minTests }, variables, programs, platform(), arch(), release()]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** Programs whose version affects most gates. */
const PROGRAMS = ['node', 'npm', 'python3', 'go', 'cargo', 'dotnet', 'java', 'ruby', 'make']

function stamp(path: string | null): string | null {
  if (path === null) return null
  const file = statSync(path)
  return `${path} ${file.size} ${file.mtimeMs}`
}
