import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type fs from 'node:fs/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { PYTEST_REPORT } from '../reporters/inject.ts'
import { keepPytestReports, readInjected } from './injected.ts'

/** Resolves when a report could not be moved away. */
const tried = Promise.withResolvers<void>()
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    rename: (from: string, to: string) =>
      real.rename(from, to).catch((error: unknown) => {
        tried.resolve()
        throw error
      }),
  }
})

let folder = ''
const unheard: unknown[] = []
const hear = (error: unknown): void => void unheard.push(error)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-reports-'))
  process.on('unhandledRejection', hear)
})
afterEach(() => {
  process.off('unhandledRejection', hear)
  rmSync(folder, { recursive: true, force: true })
})

const REPORT = '<testsuites></testsuites>\n'

it('reports of one pytest after the other are kept', async () => {
  const keeping = keepPytestReports(folder)
  writeFileSync(join(folder, PYTEST_REPORT), REPORT)
  await expect.poll(() => readdirSync(folder)).toEqual(['pytest-1.xml'])
  writeFileSync(join(folder, PYTEST_REPORT), REPORT)
  await keeping.stop()
  expect(readdirSync(folder)).toEqual(['pytest-1.xml', 'pytest-2.xml'])
})

it('a report that cannot be taken away is told when the gate has ended, and ends nothing before', async () => {
  // A gate can write there, so something of its own may be in the way.
  const inTheWay = join(folder, 'pytest-1.xml')
  mkdirSync(join(inTheWay, 'x'), { recursive: true })
  writeFileSync(join(folder, PYTEST_REPORT), REPORT)
  const keeping = keepPytestReports(folder)
  await tried.promise
  // By now, an unhandled rejection would have ended the process.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  await expect(keeping.stop()).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect(unheard).toEqual([])
})

it.each([
  ['a pipe', (path: string) => void execFileSync('mkfifo', [path])],
  ['a link to a device that never ends', (path: string) => symlinkSync('/dev/zero', path)],
  ['a folder', (path: string) => mkdirSync(path)],
])('%s in the place of a report is no report, and nobody waits for it', async (_what, make) => {
  for (const name of [PYTEST_REPORT, 'jest-1.json', 'node-test-1.ndjson', 'started-1.json']) make(join(folder, name))
  const keeping = keepPytestReports(folder)
  await keeping.stop()
  const none = { file: (file: string) => file, module: async () => null }
  expect(await readInjected(folder, none)).toEqual({
    findings: [],
    started: ['jest', 'node:test'],
    unfinished: ['jest', 'node:test', 'pytest'],
  })
})
