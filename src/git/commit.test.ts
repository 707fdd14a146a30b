import { afterAll, beforeAll, expect, it } from 'vitest'
import { commitTree, isAncestor } from './commit.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
beforeAll(() => {
  repo = makeRepo()
})
afterAll(() => repo.remove())

it('stores the commit that git would store', async () => {
  const tree = repo.git('rev-parse', 'HEAD^{tree}')
  const parent = repo.git('rev-parse', 'HEAD')
  const message = 'Fix é\n\nBody.\n\nBelay-Task: T001\n'
  const before = Math.floor(Date.now() / 1000)
  const commit = await commitTree(repo.root, { tree, parents: [parent], message, sign: false })
  const date = repo.git('show', '-s', '--format=%ad', '--date=raw', commit)
  expect(Number(date.split(' ')[0])).toBeGreaterThanOrEqual(before)
  // A commit that git itself makes at the same moment, in the same time zone, is the same object.
  const env = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  expect(repo.gitIn(repo.root, ['commit-tree', tree, '-p', parent, '-m', message.trimEnd()], env)).toBe(commit)
  repo.git('fsck', '--strict')
})

it('cannot be cut short by a NUL in the message', async () => {
  const tree = repo.git('rev-parse', 'HEAD^{tree}')
  const commit = await commitTree(repo.root, { tree, parents: [], message: 'a\0b\n\nBelay-Tree: x\n', sign: false })
  expect(repo.git('show', '-s', '--format=%s%n%(trailers)', commit)).toContain('ab\nBelay-Tree: x')
})

it('knows ancestors near and far', async () => {
  const tree = repo.git('rev-parse', 'HEAD^{tree}')
  const line = [repo.git('rev-parse', 'HEAD')]
  for (let n = 0; n < 30; n++) {
    line.push(await commitTree(repo.root, { tree, parents: line.slice(-1), message: `${n}\n`, sign: false }))
  }
  const [first = '', last = ''] = [line[0], line.at(-1)]
  const other = await commitTree(repo.root, { tree, parents: [first], message: 'other\n', sign: false })
  const merged = await commitTree(repo.root, { tree, parents: [other, last], message: 'merge\n', sign: false })
  expect(await isAncestor(repo.root, line.at(-3) ?? '', last)).toBe(true)
  expect(await isAncestor(repo.root, first, last)).toBe(true)
  expect(await isAncestor(repo.root, last, last)).toBe(true)
  expect(await isAncestor(repo.root, last, first)).toBe(false)
  expect(await isAncestor(repo.root, other, last)).toBe(false)
  expect(await isAncestor(repo.root, last, merged), 'by its second parent').toBe(true)
  await expect(isAncestor(repo.root, '1'.repeat(40), last)).rejects.toThrow('merge-base')
})
