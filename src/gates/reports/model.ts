import type { CountsSource, TestCase, TestCounts } from '../port.ts'

/** What one source tells about the tests of one runner. */
export interface Finding {
  readonly runner: string
  readonly source: CountsSource
  readonly counts: TestCounts
  /** Every test; null: the source does not name them all. */
  readonly tests: readonly TestCase[] | null
  /** Ids of the failed tests; null: not known. */
  readonly failing: readonly string[] | null
}

/** If there are more tests than this, they are only counted, not named. */
export const MOST_NAMED = 100_000

const LONGEST_ID = 1000

/** Joins the parts of a test's name into its id. White space in each part is collapsed, and the id is capped. */
export function testId(parts: readonly (string | null)[]): string {
  const id = parts
    .filter((part): part is string => part !== null && part !== '')
    .map((part) => part.replace(/\s+/g, ' ').trim())
    .join(' > ')
    .slice(0, LONGEST_ID)
  // Copied, because a substring keeps the whole string in memory, here a chunk of output.
  return Buffer.from(id, 'utf8').toString('utf8')
}

/** A finding from named tests. Tests with the same name get a number in the order of their occurrence. */
export function findingOf(runner: string, source: CountsSource, cases: Iterable<TestCase>): Finding {
  const seen = new Map<string, number>()
  const tests: TestCase[] = []
  const counts = { total: 0, passed: 0, failed: 0, skipped: 0 }
  for (const one of cases) {
    counts.total += 1
    counts[one.status] += 1
    if (tests.length >= MOST_NAMED) continue
    const times = (seen.get(one.id) ?? 0) + 1
    seen.set(one.id, times)
    tests.push(times === 1 ? one : { id: `${one.id} (${times})`, status: one.status })
  }
  const named = counts.total === tests.length
  return { runner, source, counts, tests: named ? tests : null, failing: named ? failingOf(tests) : null }
}

export function failingOf(tests: readonly TestCase[]): string[] {
  return tests.filter((test) => test.status === 'failed').map((test) => test.id)
}

const WEAKNESS: Readonly<Record<CountsSource, number>> = { report: 0, reporter: 1, text: 2 }

/** Whether source `a` is weaker than source `b`. */
export function isWeaker(a: CountsSource, b: CountsSource): boolean {
  return WEAKNESS[a] > WEAKNESS[b]
}

/** Several findings as one: counts are added, the weakest source counts, and names are kept only if all findings have them. */
export function merged(findings: readonly Finding[]): Finding | null {
  const [first] = findings
  if (!first || findings.length === 1) return first ?? null
  const runner = [...new Set(findings.map((f) => f.runner))].join('+')
  const source = findings.map((f) => f.source).reduce((a, b) => (isWeaker(a, b) ? a : b))
  if (findings.every((f) => f.tests !== null))
    return findingOf(
      runner,
      source,
      findings.flatMap((f) => f.tests ?? []),
    )
  const sum = (key: keyof TestCounts): number => findings.reduce((total, f) => total + f.counts[key], 0)
  const failing = findings.every((f) => f.failing !== null) ? findings.flatMap((f) => f.failing ?? []) : null
  return {
    runner,
    source,
    counts: { total: sum('total'), passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') },
    tests: null,
    failing,
  }
}
