import { resolve } from 'node:path'
import type { TestCase } from '../port.ts'
import { findingOf, testId, type Finding } from './model.ts'
import type { Paths } from './paths.ts'

/** A report, and whether its runner reached its end. */
export interface Report {
  readonly finding: Finding
  readonly complete: boolean
}

interface NodeTestLine {
  readonly begin?: unknown
  readonly end?: boolean
  readonly cwd?: string
  readonly ok?: boolean
  readonly name?: readonly string[]
  readonly file?: string | null
  readonly suite?: boolean
  readonly skip?: boolean
  readonly todo?: boolean
  readonly why?: string | null
}

/**
 * Reads what our node:test reporter wrote. A file that passed without any test is not a test, although Node counts it as one. A
 * file that failed as a whole is a failed test with the file's name. Suites count only if they failed by themselves.
 */
export function parseNodeTest(text: string, paths: Paths): Report {
  const cases: TestCase[] = []
  let cwd = '/'
  let complete = false
  for (const line of jsonLines<NodeTestLine>(text)) {
    complete = line.end === true
    cwd = line.cwd ?? cwd
    const { name, file } = line
    if (!name || line.ok === undefined) continue
    const own = name.length === 1 && typeof file === 'string' && resolve(cwd, name[0] ?? '') === file
    if (own && line.ok) continue
    if (line.suite && (line.ok || line.why === 'subtestsFailed')) continue
    const id = testId([typeof file === 'string' ? paths.file(file) : null, ...(own ? [] : name)])
    cases.push({ id, status: line.skip || line.todo ? 'skipped' : line.ok ? 'passed' : 'failed' })
  }
  return { finding: findingOf('node:test', 'report', cases), complete }
}

interface MochaLine {
  readonly end?: boolean
  readonly status?: 'pass' | 'fail' | 'pending'
  readonly name?: readonly string[]
  readonly file?: string | null
}

const MOCHA_STATUS = { pass: 'passed', fail: 'failed', pending: 'skipped' } as const

/** Reads what our mocha listener wrote. */
export function parseMocha(text: string, paths: Paths): Report {
  const cases: TestCase[] = []
  let complete = false
  for (const line of jsonLines<MochaLine>(text)) {
    complete = line.end === true
    if (line.status && line.name) {
      const file = typeof line.file === 'string' ? paths.file(line.file) : null
      cases.push({ id: testId([file, ...line.name]), status: MOCHA_STATUS[line.status] })
    }
  }
  return { finding: findingOf('mocha', 'report', cases), complete }
}

function* jsonLines<T>(text: string): Generator<T> {
  for (const line of text.split('\n')) {
    if (line === '') continue
    try {
      yield JSON.parse(line) as T
    } catch {
      return // truncated because the runner was killed; nothing follows
    }
  }
}
