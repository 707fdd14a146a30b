import type { Finding } from '../reports/model.ts'
import { testId } from '../reports/model.ts'
import { amount, counted, keep, Names, type Scanner } from './scanner.ts'

const NODE_KEYS = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo', 'duration_ms']

/** node:test: the block of numbers at the end, from its spec reporter (`ℹ`) or its TAP reporter (`#`). */
export function nodeTestScanner(): Scanner {
  const findings: Finding[] = []
  let block: Record<string, number> = {}
  let next = 0
  let mark = ''
  let none = false
  return {
    runner: 'node:test',
    line(line) {
      if (line.startsWith("Could not find '")) none = true
      const match = /^([#ℹ]) (\w+) ([\d.]+)$/.exec(line)
      const key = match?.[2]
      if (!match || key === undefined) {
        next = 0
        return
      }
      if (key === NODE_KEYS[0]) {
        block = {}
        next = 0
        mark = match[1] ?? ''
      }
      if (key !== NODE_KEYS[next] || match[1] !== mark) {
        next = 0
        return
      }
      block[key] = Number(match[3])
      next += 1
      if (next < NODE_KEYS.length) return
      next = 0
      const failed = (block['fail'] ?? 0) + (block['cancelled'] ?? 0)
      const skipped = (block['skipped'] ?? 0) + (block['todo'] ?? 0)
      keep(findings, counted('node:test', { passed: block['pass'] ?? 0, failed, skipped }, []))
    },
    end: () => ({ findings, doubt: null, none }),
  }
}

/** vitest: `Test Files` and `Tests` at the end; `FAIL file > name` for failed tests. */
export function vitestScanner(): Scanner {
  const findings: Finding[] = []
  const failing = new Names()
  let files: string | null = null
  let none = false
  return {
    runner: 'vitest',
    line(line) {
      if (line.startsWith('No test files found')) none = true
      const fail = /^\s*FAIL\s+(?:\|[^|]+\|\s+)?(.+?)(?: \[ .* \])?$/.exec(line)
      if (fail) failing.add(testId([fail[1] ?? '']))
      const list = /^\s*(Test Files|Tests)\s{1,4}((?:\d+ \w+(?: \| )?)+ \(\d+\)|no tests)$/.exec(line)
      if (list?.[1] === 'Test Files') files = list[2] ?? ''
      if (list?.[1] !== 'Tests' || files === null) return
      const tests = list[2] ?? ''
      const names = failing.take()
      // A file that failed before its tests were known has no test among `Tests`.
      const wholeFiles = names.filter((name) => !name.includes(' > ')).length
      keep(
        findings,
        counted(
          'vitest',
          {
            passed: amount(tests, 'passed'),
            failed: amount(tests, 'failed') + (amount(files, 'failed') > 0 ? wholeFiles : 0),
            skipped: amount(tests, 'skipped') + amount(tests, 'todo'),
          },
          names,
        ),
      )
      files = null
    },
    end: () => ({ findings, doubt: null, none }),
  }
}

/** jest: `Test Suites:` and `Tests:` at the end; `FAIL file` and `● suite › name` for failed tests. */
export function jestScanner(): Scanner {
  const findings: Finding[] = []
  const failing = new Names()
  let file: string | null = null
  let suites: string | null = null
  let none = false
  return {
    runner: 'jest',
    line(line) {
      if (line.startsWith('No tests found')) none = true
      const fail = /^(?:FAIL|PASS)\s+(?:[\w-]+ )?(\S+\.\w+)(?: \(.*\))?$/.exec(line)
      if (fail) file = line.startsWith('FAIL') ? (fail[1] ?? null) : null
      const bullet = /^ {2}● (.+)$/.exec(line)
      if (bullet && file !== null) {
        const name = bullet[1] ?? ''
        failing.add(name === 'Test suite failed to run' ? file : testId([file, ...name.split(' › ')]))
      }
      const list = /^(Test Suites|Tests):\s+(.*\d+ total)$/.exec(line)
      if (list?.[1] === 'Test Suites') suites = list[2] ?? ''
      if (list?.[1] !== 'Tests' || suites === null) return
      const tests = list[2] ?? ''
      const names = failing.take()
      const wholeFiles = names.filter((name) => !name.includes(' > ')).length
      keep(
        findings,
        counted(
          'jest',
          {
            passed: amount(tests, 'passed'),
            failed: amount(tests, 'failed') + wholeFiles,
            skipped: amount(tests, 'skipped') + amount(tests, 'todo'),
          },
          names,
        ),
      )
      suites = null
      file = null
    },
    end: () => ({ findings, doubt: null, none }),
  }
}

/** mocha's spec reporter: `n passing`, followed by `n pending` and `n failing` if there are any. */
export function mochaScanner(): Scanner {
  const blocks: { passed: number; failed: number; skipped: number }[] = []
  let none = false
  let open = 0
  return {
    runner: 'mocha',
    line(line) {
      if (line.startsWith('Error: No test files found')) none = true
      const match = /^ {2}(\d+) (passing|pending|failing)(?: \(.*\))?$/.exec(line)
      if (match?.[2] === 'passing') {
        keep(blocks, { passed: Number(match[1]), failed: 0, skipped: 0 })
        open = 2
        return
      }
      const block = blocks.at(-1)
      if (match && block && open > 0) {
        if (match[2] === 'pending') block.skipped = Number(match[1])
        else block.failed = Number(match[1])
        return
      }
      open -= 1
    },
    end: () => ({ findings: blocks.map((block) => counted('mocha', block, [])), doubt: null, none }),
  }
}
