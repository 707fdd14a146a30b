/**
 * Prints which tests were skipped, and as its last line the sum of a test run: `node scripts/test-summary.ts REPORT`, with
 * the report of vitest's json reporter. Fails when a test or a file failed, or when nothing was run.
 */
import { readFileSync } from 'node:fs'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

const report = JSON.parse(readFileSync(process.argv[2] ?? 'coverage/tests.json', 'utf8')) as Report

// A file that could not be loaded has failed without naming a test.
const broken = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.every((one) => one.status !== 'failed'),
)
const failed = report.numFailedTests + broken.length
const skipped = report.numPendingTests + report.numTodoTests
const out: string[] = broken.map(({ name }) => `failed as a whole: ${name}`)
for (const { assertionResults } of report.testResults) {
  for (const { fullName, status } of assertionResults) {
    if (status !== 'passed' && status !== 'failed') out.push(`skipped: ${fullName}`)
  }
}
out.push(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
process.stdout.write(`${out.join('\n')}\n`)
if (failed > 0 || report.numPassedTests === 0) process.exitCode = 1
