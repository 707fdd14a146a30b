import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { openRegular, readRegular } from '../../core/regular-file.ts'
import { PYTEST_REPORT } from '../reporters/inject.ts'
import { parseJestJson } from './jest-json.ts'
import { parseXmlReport } from './junit.ts'
import { parseMocha, parseNodeTest } from './lines.ts'
import type { Finding } from './model.ts'
import type { Paths } from './paths.ts'

/** Larger reports are not read, and their content counts as unknown. */
export const LARGEST_REPORT_BYTES = 128 << 20

/** How often, in ms, a finished pytest report is moved away, so that the command's next pytest does not overwrite it. */
const POLL_MS = 40

export interface Injected {
  readonly findings: readonly Finding[]
  /** Runners that are known to have started, with or without a report. */
  readonly started: readonly string[]
  /** Runners that started but did not complete their report. */
  readonly unfinished: readonly string[]
}

/** Moves finished pytest reports away while a gate runs. `stop` moves the last one, and rejects if moving one failed. */
export function keepPytestReports(reportDir: string): { stop(): Promise<void> } {
  let n = 0
  let busy = Promise.resolve()
  const report = join(reportDir, PYTEST_REPORT)
  const take = async (): Promise<void> => {
    if (!(await endsAsXml(report))) return
    try {
      await rename(report, join(reportDir, `pytest-${++n}.xml`))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error // the gate removed it meanwhile
    }
  }
  const timer = setInterval(() => {
    busy = busy.then(take)
    busy.catch(() => {}) // `stop` rejects with it
  }, POLL_MS)
  return {
    async stop() {
      clearInterval(timer)
      await busy
      await take()
    },
  }
}

async function endsAsXml(file: string): Promise<boolean> {
  const handle = await openRegular(file)
  if (handle === null) return false // not written yet
  try {
    const { size } = await handle.stat()
    const end = Buffer.alloc(Math.min(64, size))
    await handle.read(end, 0, end.length, size - end.length)
    return /<\/testsuites?>\s*$/.test(end.toString('latin1'))
  } finally {
    await handle.close()
  }
}

const startedShape = z.object({ runner: z.string(), report: z.string().nullable() })

/** Reads everything that our reporters wrote to `reportDir`. Call it after the gate's processes have ended. */
export async function readInjected(reportDir: string, paths: Paths): Promise<Injected> {
  const findings: Finding[] = []
  const started: string[] = []
  const unfinished: string[] = []
  const names = (await readdir(reportDir)).sort()
  const expected = new Map<string, string>()
  for (const name of names.filter((n) => n.startsWith('started-'))) {
    const note = startedShape.safeParse(jsonOrNull((await readReport(join(reportDir, name))) ?? ''))
    if (!note.success) continue
    started.push(note.data.runner)
    if (note.data.report !== null) expected.set(note.data.report, note.data.runner)
  }
  const add = (runner: string, finding: Finding | null, complete: boolean): void => {
    if (!started.includes(runner)) started.push(runner)
    if (finding === null || !complete) unfinished.push(runner)
    if (finding !== null) findings.push(finding)
  }
  for (const name of names) {
    const kind = /^(node-test|mocha|jest|vitest|pytest)-.*\.(ndjson|json|xml)$/.exec(name)?.[1]
    if (kind === undefined) continue
    expected.delete(name)
    const text = await readReport(join(reportDir, name))
    if (kind === 'node-test' || kind === 'mocha') {
      const report = text === null ? null : kind === 'mocha' ? parseMocha(text, paths) : parseNodeTest(text, paths)
      add(kind === 'mocha' ? 'mocha' : 'node:test', report?.finding ?? null, report?.complete ?? false)
    } else if (kind === 'pytest') {
      add('pytest', text === null ? null : await parseXmlReport('pytest', text, paths), true)
    } else {
      add(kind, text === null ? null : parseJestJson(kind, text, paths), true)
    }
  }
  unfinished.push(...expected.values())
  // A report that still has its original name was never finished.
  if (names.includes(PYTEST_REPORT)) unfinished.push('pytest')
  return { findings, started: [...new Set(started)], unfinished: [...new Set(unfinished)] }
}

/** The text of a report file; null: it is too large, or no regular file (a gate can make a pipe or a link there). */
export async function readReport(file: string): Promise<string | null> {
  return (await readRegular(file, LARGEST_REPORT_BYTES))?.bytes?.toString('utf8') ?? null
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // its writer was killed, so it tells nothing
  }
}
