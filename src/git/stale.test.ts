import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import type fs from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { removeStale } from './stale.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

/** How often a folder disappears while it is read. */
let goes = 0
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    readdir: (...given: Parameters<typeof fs.readdir>) => {
      if (goes-- > 0) throw Object.assign(new Error('ENOENT: scandir'), { code: 'ENOENT' })
      return real.readdir(...given)
    },
  }
})

let repo: TestRepo
let lock = ''
const place = () => ({ root: repo.root, commonDir: join(repo.root, '.git'), refs: ['refs/heads/belay/'] })
beforeEach(() => {
  repo = makeRepo()
  mkdirSync(join(repo.root, '.git', 'refs', 'heads', 'belay'), { recursive: true })
  lock = join(repo.root, '.git', 'refs', 'heads', 'belay', 'x.lock')
  writeFileSync(lock, '')
})
afterEach(() => {
  goes = 0
  vi.restoreAllMocks()
  repo.remove()
})

it('a lock that a git left is removed, also when folders go while it is looked for', async () => {
  goes = 2
  expect(await removeStale(place())).toEqual([lock])
  expect(existsSync(lock)).toBe(false)
})

it('a lock that somebody uses stays, whatever the clock of the machine does meanwhile', async () => {
  let looks = 0
  vi.spyOn(Date, 'now').mockImplementation(() => (looks += 3_600_000))
  let touched = 0
  const using = setInterval(() => utimesSync(lock, (touched += 1), touched), 20)
  try {
    expect(await removeStale(place())).toEqual([])
  } finally {
    clearInterval(using)
  }
  expect(existsSync(lock)).toBe(true)
})
