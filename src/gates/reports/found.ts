import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { folderFiles } from '../files.ts'
import { readReport } from './injected.ts'
import { parseXmlReport } from './junit.ts'
import { parseJestJson } from './jest-json.ts'
import type { Finding } from './model.ts'
import type { Paths } from './paths.ts'

/** Where projects and build tools write test reports. */
const COMMON = [
  /(^|\/)(TEST-|junit|test[-_.]?(report|result|output)s?|report|results?|jest|vitest|pytest|nosetests|xunit)[^/]*\.xml$/i,
  /(^|\/)[^/]*(junit|test-?results?|test-?reports?)[^/]*\.xml$/i,
  /(^|\/)(surefire-reports|failsafe-reports|test-results|test-reports|TestResults|reports|junit)\/([^/]+\/)*[^/]+\.(xml|trx)$/,
  /\.trx$/,
  /(^|\/)(jest|vitest|test)[-_.]?(report|results?|output)\.json$/i,
]

/** Report files before a gate ran: path to a stamp that changes with the file. */
export type ReportStamps = ReadonlyMap<string, string>

/** Stamps of the files below `root` in places where reports usually are. */
export async function stampReports(root: string): Promise<ReportStamps> {
  const stamps = new Map<string, string>()
  for (const path of await folderFiles(root).list()) {
    if (!COMMON.some((pattern) => pattern.test(path))) continue
    const file = await stat(join(root, path)).catch(() => null) // removed between listing and stat
    if (file) stamps.set(path, `${file.ino} ${file.size} ${file.mtimeMs} ${file.ctimeMs}`)
  }
  return stamps
}

/** Reads the report files that are new or were rewritten since `before`. Files that are not reports are ignored. */
export async function readFound(root: string, before: ReportStamps, paths: Paths): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [path, stamp] of await stampReports(root)) {
    if (before.get(path) === stamp) continue
    const text = await readReport(join(root, path))
    if (text === null) continue
    const finding = path.endsWith('.json')
      ? parseJestJson('jest', text, paths)
      : await parseXmlReport('junit', text, paths)
    if (finding !== null) findings.push(finding)
  }
  return findings
}
