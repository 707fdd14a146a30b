import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isSamePatch, patchOf, patchText } from './patch.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
beforeAll(() => {
  repo = makeRepo()
})
afterAll(() => repo.remove())

/** A tree with exactly these files. */
function treeWith(files: Readonly<Record<string, string>>): string {
  repo.git('rm', '-rq', '--ignore-unmatch', '.')
  return repo.git('rev-parse', `${repo.commit(files)}^{tree}`)
}

describe('isSamePatch', () => {
  it('knows a change again after a clean rebase, and tells it from another', async () => {
    const before = treeWith({ a: '1', b: '1' })
    const change = await patchOf(repo.root, before, treeWith({ a: '2', b: '1' }))
    const moved = await patchOf(repo.root, treeWith({ a: '1', b: '2' }), treeWith({ a: '2', b: '2' }))
    const other = await patchOf(repo.root, before, treeWith({ a: '1', b: '2' }))
    expect(await isSamePatch(repo.root, change, change)).toBe(true)
    expect(await isSamePatch(repo.root, change, moved)).toBe(true)
    expect(await isSamePatch(repo.root, change, other)).toBe(false)
    expect(await isSamePatch(repo.root, change, `${'1'.repeat(40)} ${'2'.repeat(40)}`)).toBe(false)
    expect(await isSamePatch(repo.root, change, 'f'.repeat(40))).toBe(false)
    expect(await patchOf(repo.root, before, before)).toBe('')
  })
})

describe('patchText', () => {
  it('is the whole patch as long as that is short', async () => {
    const [from, to] = [treeWith({ a: 'one\n' }), treeWith({ a: 'zwei ü\n' })]
    const text = await patchText(repo.root, from, to, 10_000)
    expect(text).toBe(`${repo.git('diff-tree', '-p', from, to)}\n`)
    expect(await patchText(repo.root, from, to, Buffer.byteLength(text))).toBe(text)
    expect(await patchText(repo.root, from, from, 100)).toBe('')
  })

  it('is its first and last lines when it is long, with what is left out', async () => {
    const lines = Array.from({ length: 200_000 }, (_, n) => `line ${n} ü\n`).join('')
    const [from, to] = [treeWith({ a: 'one\n' }), treeWith({ a: lines, z: 'the end\n' })]
    const text = await patchText(repo.root, from, to, 4000)
    expect(Buffer.byteLength(text)).toBeLessThan(4100)
    expect(text).toMatch(
      /^diff --git a\/a b\/a\n[^]*\n\+line 3 ü\n[^]*\n\[\.\.\. \d+ bytes left out \.\.\.\]\n\+line \d+ ü\n[^]*\+the end\n$/,
    )
    const left = Number(/(\d+) bytes left out/.exec(text)?.[1])
    const shown = Buffer.byteLength(text.replace(/\[\.\.\. \d+ bytes left out \.\.\.\]\n/, ''))
    expect(left + shown).toBe(Buffer.byteLength(repo.git('diff-tree', '-r', '-p', from, to)) + 1)
  })

  it('names a tree that is not there', async () => {
    await expect(patchText(repo.root, 'f'.repeat(40), 'e'.repeat(40), 100)).rejects.toMatchObject({
      code: 'git_failed',
    })
  })
})
