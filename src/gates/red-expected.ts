import type { GateBaseline } from './baseline.ts'
import { lostTests } from './judge.ts'
import type { Evidence } from './port.ts'

export interface RedExpected {
  /** Whether every new failure is a test in a file that the task added, and nothing else got worse. */
  readonly expected: boolean
  /** New failures in files that the task added. */
  readonly inAdded: readonly string[]
  /** New failures elsewhere. */
  readonly elsewhere: readonly string[]
  /** Tests of the base that are missing now; if there are any, `expected` is false. */
  readonly missing: readonly string[]
}

/**
 * Whether a failed gate fails only in tests that a task added before the code they test ("tests first"). Failures must be known
 * by name. `added`: the files that the task added, relative to the root. `read` returns their text, which is needed for runners
 * that name no files, such as go.
 */
export async function redExpected(
  evidence: Evidence,
  baseline: GateBaseline | null,
  added: readonly string[],
  read: (path: string) => Promise<string | null>,
): Promise<RedExpected> {
  const { report } = evidence
  const nothing: RedExpected = { expected: false, inAdded: [], elsewhere: [], missing: [] }
  if (report === null || report.failing === null || evidence.result !== 'fail') return nothing
  if (!['tests_failed', 'new_failures'].includes(evidence.reason?.code ?? '')) return nothing
  const known = new Set(baseline?.failing ?? [])
  const anew = report.failing.filter((id) => !known.has(id))
  const missing = report.tests && baseline?.tests ? lostTests(report.tests, baseline.tests).missing : []
  const inAdded: string[] = []
  const elsewhere: string[] = []
  for (const id of anew) ((await isInAdded(id, added, read)) ? inAdded : elsewhere).push(id)
  const expected = inAdded.length > 0 && elsewhere.length === 0 && missing.length === 0
  return { expected, inAdded, elsewhere, missing }
}

async function isInAdded(
  id: string,
  added: readonly string[],
  read: (path: string) => Promise<string | null>,
): Promise<boolean> {
  const parts = id.split(' > ')
  const first = parts[0] ?? ''
  if (added.some((path) => first === path)) return true
  // go names package and function. The function must be in an added test file, and its folder must be the end of the package
  // path.
  const top = parts.length === 2 ? ((parts[1] ?? '').split('/')[0] ?? '') : ''
  if (!/^Test\w*$/.test(top)) return false
  for (const path of added) {
    if (!path.endsWith('_test.go')) continue
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
    if (folder !== '' && first !== folder && !first.endsWith(`/${folder}`)) continue
    if (new RegExp(`^func ${top}\\(`, 'm').test((await read(path)) ?? '')) return true
  }
  return false
}
