import { z } from 'zod'
import type { TestCase } from '../port.ts'
import { findingOf, testId, type Finding } from './model.ts'
import type { Paths } from './paths.ts'

/** The JSON that jest writes with `--json`; vitest's `json` reporter uses the same shape. */
const jestJson = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(
        z.object({ ancestorTitles: z.array(z.string()), title: z.string(), status: z.string() }),
      ),
    }),
  ),
})

/**
 * Reads such a report; null: the text is not one (for example truncated). A file that failed as a whole counts as a failed
 * test.
 */
export function parseJestJson(runner: string, text: string, paths: Paths): Finding | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return null // not written completely
  }
  const report = jestJson.safeParse(parsed)
  if (!report.success) return null
  const cases: TestCase[] = []
  for (const file of report.data.testResults) {
    const path = paths.file(file.name)
    for (const one of file.assertionResults) {
      cases.push({ id: testId([path, ...one.ancestorTitles, one.title]), status: statusOf(one.status) })
    }
    const explained = file.assertionResults.some((one) => statusOf(one.status) === 'failed')
    if (file.status === 'failed' && !explained) cases.push({ id: path, status: 'failed' })
  }
  return findingOf(runner, 'report', cases)
}

function statusOf(status: string): TestCase['status'] {
  if (status === 'passed') return 'passed'
  return status === 'failed' ? 'failed' : 'skipped'
}
