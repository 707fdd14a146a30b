/** Gates: the checks that Belay runs itself, and the evidence they leave. */

export interface GateSpec {
  /** Unique name, which evidence and commit trailers carry. */
  readonly name: string
  /** A string is run by `/bin/sh -c`; a list is executed as it is, without a shell. */
  readonly run: string | readonly string[]
  readonly timeoutMs: number
  /** The gate fails when fewer tests than this were counted; null: no minimum. */
  readonly minTests: number | null
  /** Working directory, relative to the repository root; null: the root. */
  readonly cwd: string | null
}

/**
 * `absent`: there is nothing to run yet (no program, no project, no tests). `killed`: it did not end by itself, but by its time
 * limit, its output limit, a signal, or because the run was ended.
 */
export type GateResult = 'pass' | 'fail' | 'absent' | 'killed'

export interface TestCounts {
  readonly total: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** One test, as a machine-readable report names it. `id` is stable between runs: file, suite and name, joined by ` > `. */
export interface TestCase {
  readonly id: string
  readonly status: 'passed' | 'failed' | 'skipped'
}

/** Where counts come from: a report file, the output of a machine-readable reporter, or text for people (the weakest). */
export type CountsSource = 'report' | 'reporter' | 'text'

/** What one gate run says about its tests. */
export interface TestReport {
  readonly counts: TestCounts
  readonly source: CountsSource
  /** The test runner, e.g. `node:test`, `vitest`, `pytest`. */
  readonly runner: string
  /** Every test, if the source names them; null: only counts are known. */
  readonly tests: readonly TestCase[] | null
  /** Ids of the tests that failed, if the source names at least these; null: not known. */
  readonly failing: readonly string[] | null
}

/** What one run of a gate showed: the only kind of evidence that Belay accepts. */
export interface Evidence {
  readonly gate: string
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  readonly durationMs: number
  /** Git object id of the tree that the gate ran on. */
  readonly tree: string
  readonly result: GateResult
  /** Why the result is not `pass`; null when it is. */
  readonly reason: { readonly code: string; readonly message: string } | null
  readonly report: TestReport | null
  /**
   * What a person should know although it decides nothing: tests that are missing or newly skipped compared with the base,
   * failures that the base had too. Capped.
   */
  readonly notes: readonly string[]
  readonly outputHead: string
  readonly outputTail: string
  /** Total output in bytes, including what was left out between head and tail. */
  readonly outputBytes: number
}
