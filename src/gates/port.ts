/** The words of gates: a check that Belay runs itself, and what it saw. */

export interface GateSpec {
  /** Unique name, as in evidence and trailers. */
  readonly name: string
  /** A string is run by `/bin/sh -c`; a list is run as it is. */
  readonly run: string | readonly string[]
  readonly timeoutMs: number
  /** Fails when fewer tests than this were counted; null: no bound. */
  readonly minTests: number | null
  /** Relative to the repository root. */
  readonly cwd: string | null
}

export type GateResult = 'pass' | 'fail' | 'absent' | 'killed'

export interface TestCounts {
  readonly total: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** One test as a machine-readable report names it. `id` is stable over runs (file, suite and name joined by ` > `). */
export interface TestCase {
  readonly id: string
  readonly status: 'passed' | 'failed' | 'skipped'
}

/** Where counts come from: a report file, a machine reporter's output, or text meant for people (the weakest). */
export type CountsSource = 'report' | 'reporter' | 'text'

/** What was found out about the tests of one gate run. */
export interface TestReport {
  readonly counts: TestCounts
  readonly source: CountsSource
  /** Which runner, e.g. `node:test`, `vitest`, `pytest`. */
  readonly runner: string
  /** Every test by name where the source names them; null when only counts are known. */
  readonly tests: readonly TestCase[] | null
  /** Ids of the tests that failed, where at least these are named; null when they are not known. */
  readonly failing: readonly string[] | null
}

/** What a gate saw: the one kind of evidence that Belay accepts. */
export interface Evidence {
  readonly gate: string
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly durationMs: number
  /** The tree that the gate ran on (git object id). */
  readonly tree: string
  readonly result: GateResult
  /** Why it is not `pass`; null when it is. */
  readonly reason: { readonly code: string; readonly message: string } | null
  readonly report: TestReport | null
  /**
   * What a person should know though it decides nothing: tests that are missing or newly skipped against the base, failures the
   * base had too. Capped.
   */
  readonly notes: readonly string[]
  readonly outputHead: string
  readonly outputTail: string
  /** Bytes of output in all. */
  readonly outputBytes: number
}
