import type { TestCase } from '../port.ts'
import { findingOf, testId, type Finding } from './model.ts'
import type { Paths } from './paths.ts'

interface RawCase {
  readonly suite: string | null
  readonly file: string | null
  readonly classname: string | null
  readonly name: string
  status: TestCase['status']
}

/**
 * Reads a JUnit XML or TRX report; null: the text is neither, or not well-formed (for example truncated). Entities of a
 * document type are not expanded; an undefined one is an error.
 */
export async function parseXmlReport(runner: string, text: string, paths: Paths): Promise<Finding | null> {
  const raw = await readXml(text)
  if (raw === null) return null
  const cases: TestCase[] = []
  for (const one of raw) cases.push({ id: await idOf(one, paths), status: one.status })
  return findingOf(runner, 'report', cases)
}

async function idOf(one: RawCase, paths: Paths): Promise<string> {
  if (one.file !== null) return testId([paths.file(one.file), lastPart(one.classname, one.file), one.name])
  // pytest gives the dotted path of module and class; for a module that cannot be imported, only its name.
  const dotted = one.classname === '' || one.classname === null ? one.name : one.classname
  const found = /^[\w.]+$/.test(dotted) ? await paths.module(dotted) : null
  if (found) return testId([found.file, found.rest, dotted === one.name ? null : one.name])
  return testId([one.classname === '' || one.classname === null ? one.suite : one.classname, one.name])
}

/** The class in a classname that begins with the module's dotted path. */
function lastPart(classname: string | null, file: string): string | null {
  if (classname === null) return null
  const module = file.replace(/\.\w+$/, '').replaceAll('/', '.')
  return classname === module
    ? null
    : classname.startsWith(`${module}.`)
      ? classname.slice(module.length + 1)
      : classname
}

async function readXml(text: string): Promise<RawCase[] | null> {
  const { SaxesParser } = await import('saxes') // imported here because few gates write XML
  const cases: RawCase[] = []
  const suites: string[] = []
  let root: string | null = null
  let current: RawCase | null = null
  let broken = false
  const parser = new SaxesParser()
  parser.on('error', () => {
    broken = true
  })
  parser.on('opentag', (tag) => {
    const at = tag.attributes as Readonly<Record<string, string>>
    root ??= tag.name
    if (tag.name === 'testsuite') suites.push(at['name'] ?? '')
    else if (tag.name === 'testcase') {
      current = {
        suite: suites.at(-1) ?? null,
        file: at['file'] || null,
        classname: at['classname'] ?? null,
        name: at['name'] ?? '',
        status: at['status'] === 'notrun' || at['status'] === 'disabled' ? 'skipped' : 'passed',
      }
      cases.push(current)
    } else if (current !== null && (tag.name === 'failure' || tag.name === 'error')) current.status = 'failed'
    else if (current !== null && tag.name === 'skipped' && current.status !== 'failed') current.status = 'skipped'
    else if (tag.name === 'UnitTestResult') {
      cases.push({
        suite: null,
        file: null,
        classname: null,
        name: at['testName'] ?? '',
        status: trxStatus(at['outcome']),
      })
    }
  })
  parser.on('closetag', (tag) => {
    if (tag.name === 'testsuite') suites.pop()
    if (tag.name === 'testcase') current = null
  })
  parser.write(text.replace(/^\uFEFF/, '')).close()
  return broken || root === null || !['testsuites', 'testsuite', 'TestRun'].includes(root) ? null : cases
}

function trxStatus(outcome: string | undefined): TestCase['status'] {
  if (outcome === 'Passed') return 'passed'
  return outcome === 'NotExecuted' || outcome === 'Pending' ? 'skipped' : 'failed'
}
