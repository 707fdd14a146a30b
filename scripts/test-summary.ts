/**
 * Prints which tests of a run were skipped, which failed and why, and the totals as its last line: `node
 * scripts/test-summary.ts REPORT`, with the report of vitest's json reporter. Fails if a test or a file failed, or if nothing
 * was run.
 */
import { readFileSync } from 'node:fs'
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

const report = JSON.parse(readFileSync(process.argv[2] ?? 'coverage/tests.json', 'utf8')) as Report
const skipped: string[] = []
const failed: string[] = []
let failures = 0
for (const file of report.testResults) {
  for (const { fullName, status } of file.assertionResults) {
    if (status !== 'passed' && status !== 'failed') skipped.push(`skipped: ${fullName}`)
  }
  for (const [what, message] of failuresOf(file)) {
    failures += 1
    failed.push(`failed: ${relative(process.cwd(), file.name)}: ${what}`, ...head(message))
  }
}
const skips = report.numPendingTests + report.numTodoTests
const sum = `${report.numPassedTests} passed, ${failures} failed, ${skips} skipped`
process.stdout.write(`${[...skipped, ...failed, sum].join('\n')}\n`)
if (failures > 0 || report.numPassedTests === 0) process.exitCode = 1

/** The failures in a file, with their messages. A file that could not be loaded has failed without naming a test. */
function failuresOf({ status, message, assertionResults }: File): (readonly [string, string])[] {
  const tests = assertionResults.filter((one) => one.status === 'failed')
  if (status === 'failed' && tests.length === 0) return [['the whole file', message]]
  return tests.map(({ fullName, failureMessages }) => [fullName, failureMessages?.[0] ?? ''])
}

/** The beginning of a message, indented. It is at the end of a long log, which is what people see. */
function head(message: string): string[] {
  const lines = stripVTControlCharacters(message).trim().split('\n')
  return lines.slice(0, LINES).map((line) => `    ${line.slice(0, 300)}`)
}
