import type { TestCase } from '../port.ts'
import { MOST_NAMED, testId } from '../reports/model.ts'
import { named, NOTHING, type Scanner } from './scanner.ts'

/** TAP on stdout: top-level test points, trusted only if their number matches the plan. */
export function tapScanner(): Scanner {
  const cases: TestCase[] = []
  let planned: number | null = null
  let plans = 0
  let bailed = false
  return {
    runner: 'tap',
    line(line) {
      const plan = /^1\.\.(\d+)(?:\s*#.*)?$/.exec(line)?.[1]
      if (plan !== undefined) {
        planned = (planned ?? 0) + Number(plan)
        plans += 1
      }
      if (line.startsWith('Bail out!')) bailed = true
      const point = /^(not )?ok\b(?:\s+\d+)?\s*(?:- )?(.*?)(?:\s+#\s*(skip|todo)\b.*)?$/i.exec(line)
      if (point && /^(not )?ok\b/.test(line) && cases.length < MOST_NAMED) {
        const status = point[3] ? 'skipped' : point[1] ? 'failed' : 'passed'
        cases.push({ id: testId([point[2] ?? '']) || String(cases.length + 1), status })
      }
    },
    end() {
      if (planned === null && !bailed) return NOTHING
      const doubt = bailed
        ? 'TAP bailed out'
        : planned === cases.length
          ? null
          : `TAP planned ${planned} tests and reported ${cases.length}`
      const finding = named('tap', cases, 'reporter')
      return { findings: plans > 0 ? [finding] : [], doubt, none: planned === 0 }
    },
  }
}
