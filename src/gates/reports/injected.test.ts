import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type fs from 'node:fs/promises'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { PYTEST_REPORT } from '../reporters/inject.ts'
import { keepPytestReports } from './injected.ts'

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
