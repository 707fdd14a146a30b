import type { Finding } from '../reports/model.ts'
import { testId } from '../reports/model.ts'
import { amount, counted, keep, Names, type Scanner } from './scanner.ts'

const PYTEST_LIST =
  /^=*\s*((?:\d+ (?:failed|passed|skipped|deselected|xfailed|xpassed|warnings?|errors?|rerun|subtests \w+)(?:, )?)+|no tests (?:ran|collected)(?: \(\d+ \w+\))?|no tests ran) in [\d.]+s?(?: \([\d:]+\))?\s*=*$/

/** pytest: the last line (with or without `=`); `FAILED` and `ERROR` lines of the short summary give names. */
export function pytestScanner(): Scanner {
  const findings: Finding[] = []
  const failing = new Names()
  let none = false
  return {
    runner: 'pytest',
    line(line) {
      const fail = /^(?:FAILED|ERROR) (\S+?)(?: - .*)?$/.exec(line)
      if (fail) failing.add(testId((fail[1] ?? '').split('::')))
      const list = PYTEST_LIST.exec(line)?.[1]
      if (list === undefined) return
      if (list.startsWith('no tests')) none = true
      keep(
        findings,
        counted(
          'pytest',
          {
            passed: amount(list, 'passed') + amount(list, 'xpassed'),
            failed: amount(list, 'failed') + amount(list, 'errors?'),
            skipped: amount(list, 'skipped') + amount(list, 'xfailed'),
          },
          failing.take(),
        ),
      )
    },
    end: () => ({ findings, doubt: null, none }),
  }
}

/** unittest: `Ran n tests in`, and the verdict after it. */
export function unittestScanner(): Scanner {
  const findings: Finding[] = []
  const failing = new Names()
  let ran: number | null = null
  let doubt: string | null = null
  let none = false
  return {
    runner: 'unittest',
    line(line) {
      const fail = /^(?:FAIL|ERROR): (\S+)(?: \((\S+?)\))?(?: .*)?$/.exec(line)
      if (fail) failing.add(testId([fail[2] ?? null, fail[1] ?? '']))
      const count = /^Ran (\d+) tests? in [\d.]+s$/.exec(line)?.[1]
      if (count !== undefined) {
        if (ran !== null) doubt = 'a number of tests without a verdict'
        ran = Number(count)
        return
      }
      const verdict = /^(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$/.exec(line)
      if (!verdict || ran === null) return
      if (ran === 0) none = true
      const of = (word: string): number => Number(new RegExp(`(?:^|, )${word}=(\\d+)`).exec(verdict[2] ?? '')?.[1] ?? 0)
      const failed = of('failures') + of('errors') + of('unexpected successes')
      const skipped = of('skipped') + of('expected failures')
      // An error outside any test (a module that cannot be imported) counts as a test in unittest too.
      keep(
        findings,
        counted('unittest', { passed: Math.max(0, ran - failed - skipped), failed, skipped }, failing.take()),
      )
      ran = null
    },
    end: () => ({ findings, doubt: ran === null ? doubt : 'a number of tests without a verdict', none }),
  }
}
