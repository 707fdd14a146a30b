import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeRepo, type TestRepo } from '../git/testing/repo.ts'
import { checkDisk, checkoutSize, freeSpace } from './disk.ts'

let repo: TestRepo

beforeEach(() => {
  repo = makeRepo()
})

afterEach(() => repo.remove())

const MB = 1 << 20

test('a checkout is as large as its files in blocks', async () => {
  repo.commit({ 'a b/large': Buffer.alloc(10_000), empty: '' })
  expect(await checkoutSize(repo.root, 'HEAD')).toEqual({ bytes: 5 * 4096, files: 3 })
})

test('free space is known for a folder that is not there yet', async () => {
  const free = await freeSpace(join(repo.root, 'not/there/yet'))
  expect(free.bytes).toBeGreaterThan(0)
  expect(free).toEqual({ bytes: expect.any(Number), files: expect.any(Number) })
})

test('too little room for the checkouts is refused before one is made', async () => {
  const commit = repo.commit({ large: Buffer.alloc(MB) })
  const check = (bytes: number, files: number | null): Promise<void> =>
    checkDisk({ root: repo.root, commit, folder: '/x', checkouts: 3, free: () => Promise.resolve({ bytes, files }) })
  await expect(check(514 * MB, null)).rejects.toMatchObject({ code: 'disk_full', exit: 2, received: '514 MB free' })
  await expect(check(600 * MB, 5)).rejects.toMatchObject({ code: 'disk_full', received: '5 free inodes' })
  await check(600 * MB, 6)
  await check(600 * MB, null)
})
