import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changedPaths, editTree, readBlob, treeEntry, treeOf, writeBlob, type TreeEdit } from './trees.ts'
import { makeRepo, type TestRepo } from './testing/repo.ts'

let repo: TestRepo
beforeAll(() => {
  repo = makeRepo()
})
afterAll(() => repo.remove())

/** A tree with these paths, created by git itself. */
function treeWith(paths: Readonly<Record<string, string>>): string {
  const index = `${repo.root}/.git/test-index`
  const env = { GIT_INDEX_FILE: index }
  repo.gitIn(repo.root, ['read-tree', '--empty'], env)
  for (const [path, content] of Object.entries(paths)) {
    const mode = content.startsWith('link ') ? '120000' : content.startsWith('run ') ? '100755' : '100644'
    repo.gitIn(
      repo.root,
      ['update-index', '--add', '--replace', '--cacheinfo', `${mode},${blob(content)},${path}`],
      env,
    )
  }
  return repo.gitIn(repo.root, ['write-tree'], env)
}

const blobs = new Map<string, string>()

function blob(content: string): string {
  const file = '.git/blob.tmp'
  const known = blobs.get(content)
  if (known !== undefined) return known
  repo.write(file, content)
  const id = repo.git('hash-object', '-w', file)
  blobs.set(content, id)
  return id
}

/** Few names, so that files and folders of the same name occur. */
const path = fc
  .array(fc.constantFrom('a', 'b', 'a.b', 'a-', 'é', 'x y'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'))
const content = fc.constantFrom('1', '2', 'run 1', 'link a')
const files = fc.dictionary(path, content, { maxKeys: 6 })

describe('changedPaths', () => {
  it('says what git says', async () => {
    await fc.assert(
      fc.asyncProperty(files, files, async (before, after) => {
        const [from, to] = [treeWith(before), treeWith(after)]
        const raw = repo.git('diff-tree', '-r', '-z', '--raw', '--no-renames', from, to).split('\0')
        const wanted = raw.flatMap((line, n) => (n % 2 === 0 && line !== '' ? [`${line.slice(1)} ${raw[n + 1]}`] : []))
        const found = await changedPaths(repo.root, from, to)
        const lines = found.map((one) =>
          [one.oldMode, one.newMode, one.oldId, one.newId, one.status, one.path].join(' '),
        )
        // Git lists a folder that replaces a file, or is replaced by one, in another order.
        expect(lines.sort()).toEqual(wanted.sort())
      }),
      { numRuns: 25 },
    )
  })

  it('takes commits, and refuses what is not there', async () => {
    const first = repo.git('rev-parse', 'HEAD')
    const second = repo.commit({ 'sub/new.txt': 'x' })
    expect(await changedPaths(repo.root, first, second)).toMatchObject([{ path: 'sub/new.txt', status: 'A' }])
    expect(await treeOf(repo.root, second)).toBe(repo.git('rev-parse', `${second}^{tree}`))
    const nothing = '1'.repeat(40)
    await expect(changedPaths(repo.root, first, nothing)).rejects.toThrow(nothing)
    await expect(treeOf(repo.root, nothing)).rejects.toThrow(nothing)
  })
})

describe('editTree', () => {
  it('makes the tree that git makes of the same edits', async () => {
    const edit = fc.option(content, { nil: null })
    await fc.assert(
      fc.asyncProperty(files, fc.dictionary(path, edit, { maxKeys: 3 }), async (before, wanted) => {
        const added = Object.keys(wanted).filter((name) => wanted[name] !== null)
        // A path cannot be both file and folder.
        fc.pre(!added.some((name) => added.some((other) => other.startsWith(`${name}/`))))
        const tree = treeWith(before)
        const edits = new Map<string, TreeEdit>()
        for (const [name, text] of Object.entries(wanted)) {
          edits.set(name, text === null ? null : { mode: '100644', id: blob(text) })
        }
        expect(await editTree(repo.root, tree, edits)).toBe(byIndex(tree, edits))
      }),
      { numRuns: 25 },
    )
  })

  it('keeps what is beside the path, names that are no text and submodules too', async () => {
    const strange = Buffer.from([0x66, 0xff, 0x67]).toString('latin1')
    const names = `100644 blob ${blob('1')}\t${strange}\x00160000 commit ${'2'.repeat(40)}\tmodule\x00`
    const tree = execGit(['mktree', '-z', '--missing'], Buffer.from(names, 'latin1'))
    const edited = await editTree(repo.root, tree, new Map([['new', { mode: '100644', id: blob('2') }]]))
    const changes = await changedPaths(repo.root, tree, edited)
    expect(changes).toMatchObject([{ path: 'new', status: 'A' }])
    expect(await editTree(repo.root, edited, new Map([['new', null]]))).toBe(tree)
  })

  it('leaves the empty tree when the last file goes', async () => {
    const tree = treeWith({ 'a/b': '1' })
    expect(await editTree(repo.root, tree, new Map([['a/b', null]]))).toBe(treeWith({}))
  })
})

function execGit(args: readonly string[], input: Buffer): string {
  repo.write('.git/input.tmp', input)
  return repo.gitIn(repo.root, ['-c', `alias.run=!git ${args.join(' ')} < .git/input.tmp`, 'run'])
}

/** The same edits, made with git's index. */
function byIndex(tree: string, edits: ReadonlyMap<string, TreeEdit>): string {
  const env = { GIT_INDEX_FILE: `${repo.root}/.git/test-index` }
  repo.gitIn(repo.root, ['read-tree', tree], env)
  // Removals first, because a removed path and its replacement may come in any order.
  for (const [name, edit] of [...edits].sort(([, a], [, b]) => Number(a !== null) - Number(b !== null))) {
    if (edit === null) repo.gitIn(repo.root, ['update-index', '--force-remove', '--', name], env)
    else
      repo.gitIn(
        repo.root,
        ['update-index', '--add', '--replace', '--cacheinfo', `${edit.mode},${edit.id},${name}`],
        env,
      )
  }
  return repo.gitIn(repo.root, ['write-tree'], env)
}

describe('single paths', () => {
  it('reads a blob and an entry by path, of any folder', async () => {
    const id = await writeBlob(repo.root, Buffer.from([0, 1, 255]))
    const tree = await editTree(repo.root, treeWith({ top: '1' }), new Map([['a/b c/é', { mode: '100755', id }]]))
    expect(await readBlob(repo.root, tree, 'a/b c/é')).toEqual(Buffer.from([0, 1, 255]))
    expect(await treeEntry(repo.root, tree, 'a/b c/é')).toEqual({ mode: '100755', id })
    expect(await treeEntry(repo.root, tree, 'top')).toEqual({ mode: '100644', id: blob('1') })
    expect(await readBlob(repo.root, tree, 'a')).toBeNull()
    expect(await readBlob(repo.root, tree, 'no\nsuch file')).toBeNull()
    expect(await treeEntry(repo.root, tree, 'no/such')).toBeNull()
    expect(await treeEntry(repo.root, tree, 'top/below')).toBeNull()
  })
})
