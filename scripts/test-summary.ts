/**
 * Prints which tests were skipped, which failed and why, and as its last line the sum of a test run:
 * `node scripts/test-summary.ts REPORT [SECOND]`, with the report of vitest's json reporter, and the one of the failed
 * files run once more. What failed first and passed then is named as flaky. Fails when a test or a file failed both times,
 * or when nothing was run. `--failed` prints the failed files instead, one a line; none when there are more than a few, for
 * then it is no flake.
 */
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

interface Report {
  readonly numPassedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[] | null
    }[]
  }[]
}

type File = Report['testResults'][number]

const LINES = 12
const FEW = 5

const args = process.argv.slice(2).filter((arg) => arg !== '--failed')
const report = read(args[0] ?? 'coverage/tests.json')
const second = args[1] !== undefined && existsSync(args[1]) ? read(args[1]) : null
const passedThen = new Set(second?.testResults.filter(({ status }) => status === 'passed').map(({ name }) => name))

if (process.argv.includes('--failed')) {
  const files = report.testResults.filter(({ status }) => status === 'failed').map(({ name }) => name)
  if (files.length <= FEW) process.stdout.write(files.map((name) => `${relative(process.cwd(), name)}\n`).join(''))
} else summarize()

function summarize(): void {
  const skipped: string[] = []
  const flaky: string[] = []
  const failed: string[] = []
  const count = { flaky: 0, failed: 0 }
  for (const file of report.testResults) {
    for (const { fullName, status } of file.assertionResults) {
      if (status !== 'passed' && status !== 'failed') skipped.push(`skipped: ${fullName}`)
    }
    const kind = passedThen.has(file.name) ? 'flaky' : 'failed'
    for (const [what, message] of failuresOf(file)) {
      count[kind] += 1
      const into = kind === 'flaky' ? flaky : failed
      into.push(`${kind}: ${relative(process.cwd(), file.name)}: ${what}`, ...head(message))
    }
  }
  const skips = report.numPendingTests + report.numTodoTests
  const sum = `${report.numPassedTests + count.flaky} passed, ${count.failed} failed, ${skips} skipped`
  process.stdout.write(`${[...skipped, ...flaky, ...failed, sum].join('\n')}\n`)
  if (count.failed > 0 || report.numPassedTests === 0) process.exitCode = 1
}

/** What failed in a file, with its message. A file that could not be loaded has failed without naming a test. */
function failuresOf({ status, message, assertionResults }: File): (readonly [string, string])[] {
  const tests = assertionResults.filter((one) => one.status === 'failed')
  if (status === 'failed' && tests.length === 0) return [['the whole file', message]]
  return tests.map(({ fullName, failureMessages }) => [fullName, failureMessages?.[0] ?? ''])
}

/** The beginning of a message, indented: what stands at the end of a long log is what people see of it. */
function head(message: string): string[] {
  const lines = stripVTControlCharacters(message).trim().split('\n')
  return lines.slice(0, LINES).map((line) => `    ${line.slice(0, 300)}`)
}

function read(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report
}
