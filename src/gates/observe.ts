import type { Reason } from '../core/words.ts'
import type { Runner } from './commands/runners.ts'
import type { Expansion } from './commands/expand.ts'
import type { TestReport } from './port.ts'
import type { Injected } from './reports/injected.ts'
import { merged, type Finding } from './reports/model.ts'
import type { Scan } from './text/index.ts'

/** What all sources together tell about the tests of one gate run. */
export interface Observed {
  readonly report: TestReport | null
  /** Why the report, or its absence, proves nothing; null: nothing contradicts it. */
  readonly problem: Reason | null
  /** Whether a runner said that it found no tests, which most runners treat as a failure. */
  readonly none: boolean
}

export interface Sources {
  readonly expansion: Expansion
  readonly injected: Injected
  readonly found: readonly Finding[]
  readonly text: ReadonlyMap<Runner, Scan>
}

/**
 * Chooses the strongest source for each runner: a report by Belay's own reporter, a report file of the project, a machine
 * reporter's output, and finally text, but only for runners that really started or that the command starts. A weaker source
 * never overrides a stronger one. If text contradicts itself or a report file, the result is a problem instead of an answer.
 */
export function observe(sources: Sources): Observed {
  const none = [...sources.text.values()].some((scan) => scan.none)
  return { ...choose(sources), none }
}

function choose(sources: Sources): Omit<Observed, 'none'> {
  const { expansion, injected, found, text } = sources
  if (injected.unfinished.length > 0) {
    const excused = injected.unfinished.every((runner) => text.get(runner as Runner)?.none === true)
    if (!excused) {
      return {
        report: toReport(merged(injected.findings)),
        problem: {
          code: 'report_incomplete',
          message: `${injected.unfinished.join(', ')} started but did not finish its report`,
        },
      }
    }
  }
  const reported = new Set(injected.findings.map((finding) => finding.runner))
  const rest = new Set<Runner>([...expansion.runners.keys(), ...(injected.started as readonly Runner[])])
  for (const runner of reported) rest.delete(runner as Runner)
  // Programs that are not known runners may write reports too. For a runner that reported itself, another file is a copy.
  const useFound = found.length > 0 && (rest.size > 0 || reported.size === 0)
  const chosen: Finding[] = [...injected.findings, ...(useFound ? found : [])]
  const scans = [...rest].flatMap((runner) => {
    const scan = text.get(runner)
    return scan ? [{ runner, scan }] : []
  })
  if (useFound) {
    const problem = contradiction(found, scans)
    return { report: toReport(merged(chosen)), problem }
  }
  let problem: Reason | null = null
  for (const { runner, scan } of scans) {
    const { findings } = scan
    const times = expansion.runners.get(runner) ?? 1
    const several = findings.length > 1 && !expansion.fanOut && findings.length > times
    if (scan.doubt !== null) problem ??= ambiguous(runner, scan.doubt)
    else if (several) problem ??= ambiguous(runner, `${findings.length} summaries where ${times} was expected`)
    chosen.push(...findings)
    if (findings.length === 0 && scan.none) chosen.push(emptyFinding(runner))
  }
  return { report: toReport(merged(chosen)), problem }
}

function contradiction(found: readonly Finding[], scans: readonly { runner: Runner; scan: Scan }[]): Reason | null {
  const failedInFiles = found.some((finding) => finding.counts.failed > 0)
  const summaries = scans.flatMap(({ scan }) => scan.findings)
  if (summaries.length === 0) return null
  const failedInText = summaries.some((finding) => finding.counts.failed > 0)
  return failedInFiles === failedInText ? null : ambiguous('report file', 'it says other than what the runner printed')
}

function ambiguous(who: string, why: string): Reason {
  return { code: 'counts_ambiguous', message: `${who}: ${why}` }
}

function emptyFinding(runner: Runner): Finding {
  return { runner, source: 'text', counts: { total: 0, passed: 0, failed: 0, skipped: 0 }, tests: [], failing: [] }
}

function toReport(finding: Finding | null): TestReport | null {
  return finding === null
    ? null
    : {
        counts: finding.counts,
        source: finding.source,
        runner: finding.runner,
        tests: finding.tests,
        failing: finding.failing,
      }
}
