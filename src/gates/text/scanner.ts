import type { CountsSource, TestCase, TestCounts } from '../port.ts'
import { failingOf, findingOf, type Finding } from '../reports/model.ts'
import type { Runner } from '../commands/runners.ts'

/** Reads the output of one runner line by line. Memory is bounded by a cap on the number of named tests. */
export interface Scanner {
  readonly runner: Runner
  line(line: string): void
  end(): Scan
}

export interface Scan {
  /** One per summary in the output. */
  readonly findings: readonly Finding[]
  /** Why the findings cannot be trusted; null: nothing contradicts them. */
  readonly doubt: string | null
  /** Whether the runner said that there was nothing to run. */
  readonly none: boolean
}

/** At most about this many failed tests are named. */
const MOST_FAILING = 20_000

/** Distinct names in order of arrival, in bounded number. */
export class Names {
  readonly #names = new Set<string>()

  add(name: string): void {
    if (this.#names.size <= MOST_FAILING) this.#names.add(name)
  }

  /** Returns the names so far, and forgets them. */
  take(): readonly string[] {
    const names = [...this.#names]
    this.#names.clear()
    return names
  }
}

/** No genuine output has more summaries than this. */
const MOST_SUMMARIES = 1000

/** Adds a summary to a list of bounded length; a list that long is doubtful anyway. */
export function keep<T>(list: T[], one: T): void {
  if (list.length < MOST_SUMMARIES) list.push(one)
}

export const NOTHING: Scan = { findings: [], doubt: null, none: false }

/** A finding from numbers. `failing` is kept only if it names exactly the failed tests. */
export function counted(
  runner: Runner,
  counts: Omit<TestCounts, 'total'>,
  failing: readonly string[],
  source: CountsSource = 'text',
): Finding {
  const { passed, failed, skipped } = counts
  return {
    runner,
    source,
    counts: { total: passed + failed + skipped, passed, failed, skipped },
    tests: null,
    failing: failing.length === failed ? failing : null,
  }
}

/** A finding from named tests. */
export function named(runner: Runner, cases: readonly TestCase[], source: CountsSource = 'text'): Finding {
  const finding = findingOf(runner, source, cases)
  return finding.tests === null ? finding : { ...finding, failing: failingOf(finding.tests) }
}

// oxlint-disable-next-line no-control-regex -- escape sequences are what this is about
const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g

/** A line without terminal escape sequences. */
export function withoutEscapes(line: string): string {
  return line.includes('\u001b') ? line.replace(ESCAPES, '') : line
}

/** The number before `word` in a list such as `1 failed, 2 passed`; 0 if the list lacks it. */
export function amount(list: string, word: string): number {
  return Number(new RegExp(`(?:^|\\s|\\()(\\d+) ${word}\\b`).exec(list)?.[1] ?? 0)
}
