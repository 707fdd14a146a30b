import type { TestCase } from '../port.ts'
import { MOST_NAMED, testId } from '../reports/model.ts'
import { amount, counted, keep, named, Names, NOTHING, type Scanner } from './scanner.ts'

/**
 * go test. `go test -json` and `-v` name every test. Without them, only packages and failed tests are named, and packages are
 * counted.
 */
export function goScanner(): Scanner {
  const tests = new Map<string, TestCase['status']>()
  const packages = new Map<string, TestCase['status']>()
  let pending: { name: string; status: TestCase['status'] }[] = []
  let tooMany = false
  let json = false
  let verbose = false
  let none = false
  const put = (map: Map<string, TestCase['status']>, id: string, status: TestCase['status']): void => {
    if (map.size >= MOST_NAMED) tooMany = true
    else if (map.get(id) !== 'failed') map.set(id, status)
  }
  const endPackage = (name: string, status: TestCase['status'] | null): void => {
    for (const one of pending) put(tests, testId([name, one.name]), one.status)
    pending = []
    if (status !== null) put(packages, testId([name]), status)
  }
  return {
    runner: 'go',
    line(line) {
      const event = line.startsWith('{"') ? goEvent(line) : null
      if (event) {
        json = true
        const status = GO_STATUS[event.Action ?? '']
        if (status === undefined || event.Package === undefined) return
        if (event.Test !== undefined) put(tests, testId([event.Package, event.Test]), status)
        else if (event.Action !== 'skip') put(packages, testId([event.Package]), status)
        return
      }
      const one = /^\s*--- (PASS|FAIL|SKIP): (\S+) \([\d.]+s\)$/.exec(line)
      if (one) {
        if (one[1] === 'PASS') verbose = true
        if (pending.length < MOST_NAMED)
          pending.push({ name: one[2] ?? '', status: GO_STATUS[(one[1] ?? '').toLowerCase()] ?? 'failed' })
        return
      }
      const pack = /^(ok|FAIL|\?|---)?\s*\t\s*(\S+)(?:\t|\s+)(.*)$/.exec(line)
      if (!pack?.[1]) return
      if (pack[1] === '?' || /\[no test(s to run| files)\]/.test(pack[3] ?? '')) {
        none = true
        endPackage(pack[2] ?? '', null)
      } else {
        endPackage(pack[2] ?? '', pack[1] === 'ok' ? 'passed' : 'failed')
      }
    },
    end() {
      const failedPackages = [...packages].filter(([, status]) => status === 'failed')
      if (packages.size === 0 && tests.size === 0) return { ...NOTHING, none }
      const cut = pending.length > 0 ? 'tests without the line of their package' : null
      const doubt = tooMany ? `more than ${MOST_NAMED} tests` : cut
      const cases: TestCase[] = [...tests].map(([id, status]) => ({ id, status }))
      // A package can fail without a failed test (it does not build, or exits). If not all tests are named, packages are
      // counted.
      for (const [id, status] of json || verbose ? failedPackages : packages) {
        const explained = cases.some((test) => test.status === 'failed' && test.id.startsWith(`${id} > `))
        if (!(json || verbose) || !explained) cases.push({ id, status })
      }
      return { findings: [named('go', cases, json ? 'reporter' : 'text')], doubt, none: false }
    },
  }
}

const GO_STATUS: Readonly<Record<string, TestCase['status']>> = { pass: 'passed', fail: 'failed', skip: 'skipped' }

interface GoEvent {
  readonly Action?: string
  readonly Package?: string
  readonly Test?: string
}

function goEvent(line: string): GoEvent | null {
  if (!line.includes('"Action":')) return null
  try {
    return JSON.parse(line) as GoEvent
  } catch {
    return null // some other line that begins like JSON
  }
}

type Amounts = { passed: number; failed: number; skipped: number }

/**
 * cargo test: a block per binary, from `running n tests` to the `test result:` that matches it (failed tests may print anything
 * in between). Also the summary of cargo nextest.
 */
export function cargoScanner(): Scanner {
  const cases: TestCase[] = []
  const failing = new Names()
  const total: Amounts = { passed: 0, failed: 0, skipped: 0 }
  let binary: string | null = null
  let block: { expected: number; named: Amounts; results: (Amounts & { all: number })[] } | null = null
  let blocks = 0
  let summaries = 0
  let doubt: string | null = null
  const add = (said: Amounts): void => {
    total.passed += said.passed
    total.failed += said.failed
    total.skipped += said.skipped
    blocks += 1
  }
  const endBlock = (): void => {
    if (block === null) return
    const { expected, named: seen, results } = block
    // With --quiet, tests are not named.
    const quiet = seen.passed + seen.failed + seen.skipped === 0
    const fitting = results.filter((said) => said.all === expected && (quiet || said.failed === seen.failed))
    const result = fitting.at(-1)
    if (result) add(result)
    else
      doubt =
        results.length === 0 ? 'a run of tests without a result' : 'a result that does not fit the tests that were run'
    block = null
  }
  return {
    runner: 'cargo',
    line(line) {
      const start = /^\s+(?:Running (?:unittests )?(\S+)|Doc-tests (\S+))/.exec(line)
      if (start) binary = testId([start[1] ?? `doc ${start[2]}`])
      const running = /^running (\d+) tests?$/.exec(line)?.[1]
      if (running !== undefined) {
        endBlock()
        block = { expected: Number(running), named: { passed: 0, failed: 0, skipped: 0 }, results: [] }
      }
      const one = /^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:, .*)?$/.exec(line)
      if (one && block !== null && cases.length < MOST_NAMED) {
        const status = one[2] === 'ok' ? 'passed' : one[2] === 'FAILED' ? 'failed' : 'skipped'
        cases.push({ id: testId([binary, one[1] ?? '']), status })
        block.named[status] += 1
      }
      const result = /^test result: (?:ok|FAILED)\. (.*)$/.exec(line)?.[1]
      if (result !== undefined) {
        const said = {
          passed: amount(result, 'passed'),
          failed: amount(result, 'failed'),
          skipped: amount(result, 'ignored'),
        }
        const all = said.passed + said.failed + said.skipped + amount(result, 'measured')
        if (block === null) doubt = 'a result without a run of tests'
        else keep(block.results, { ...said, all })
      }
      const nextFail = /^\s+FAIL \[\s*[\d.]+s\] (?:\([^)]*\) )?(\S+) (\S+)$/.exec(line)
      if (nextFail) failing.add(testId([nextFail[1] ?? '', nextFail[2] ?? '']))
      const next = /^\s+Summary \[\s*[\d.]+s\] \d+(?:\/\d+)? tests? run: (.*)$/.exec(line)?.[1]
      if (next !== undefined) {
        if (++summaries > 1) doubt = 'two summaries'
        const failed = amount(next, 'failed') + amount(next, 'timed out')
        add({ passed: amount(next, 'passed'), failed, skipped: amount(next, 'skipped') })
      }
    },
    end() {
      endBlock()
      if (blocks === 0) return { ...NOTHING, doubt }
      const all = total.passed + total.failed + total.skipped
      const finding = cases.length === all && all > 0 ? named('cargo', cases) : counted('cargo', total, failing.take())
      return { findings: [finding], doubt, none: false }
    },
  }
}

/** dotnet test: one line per assembly, or the terminal logger's `Test summary:`. */
export function dotnetScanner(): Scanner {
  const assemblies = new Map<string, { passed: number; failed: number; skipped: number }>()
  const failing = new Names()
  let doubt: string | null = null
  let summary: { passed: number; failed: number; skipped: number } | null = null
  return {
    runner: 'dotnet',
    line(line) {
      const fail = /^\s+(?:Failed|failed) (\S.*?) (?:\[[\d,.<]+ ?\w+\]|\([\d,.]+\w+\))$/.exec(line)
      if (fail) failing.add(testId([fail[1] ?? '']))
      const one =
        /^(?:Passed|Failed|Skipped)!\s+- Failed:\s*(\d+), Passed:\s*(\d+), Skipped:\s*(\d+), Total:\s*\d+,.* - (.+)$/.exec(
          line,
        )
      if (one) {
        const assembly = testId([one[4] ?? ''])
        if (assemblies.has(assembly)) doubt = `two results of ${assembly}`
        else if (assemblies.size >= MOST_NAMED) doubt = 'too many results'
        else assemblies.set(assembly, { failed: Number(one[1]), passed: Number(one[2]), skipped: Number(one[3]) })
      }
      const all = /^\s*Test summary: total: \d+, failed: (\d+), succeeded: (\d+), skipped: (\d+)/.exec(line)
      if (all) {
        if (summary) doubt = 'two summaries'
        summary = { failed: Number(all[1]), passed: Number(all[2]), skipped: Number(all[3]) }
      }
    },
    end() {
      const each = [...assemblies.values()]
      const total = summary ?? (each.length === 0 ? null : { passed: 0, failed: 0, skipped: 0 })
      if (total === null) return NOTHING
      if (!summary) {
        for (const one of each) {
          total.passed += one.passed
          total.failed += one.failed
          total.skipped += one.skipped
        }
      }
      return { findings: [counted('dotnet', total, failing.take())], doubt, none: false }
    },
  }
}
