/** What a repository may contain and be: names that are hard to write, modes, links, binary files, and either hash. */
import { execFileSync } from 'node:child_process'
import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { commitTree, isAncestor, message, trailer } from './commit.ts'
import { MoveJournal } from './moves.ts'
import { epochRef, raiseEpochRef, readRef, updateRefs } from './refs.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'
import { changedPaths, editTree, mergeTrees, readBlob, seedIndex, snapshotTree, treeOf, writeBlob } from './trees.ts'
import { ensureWorktree, removeWorktree, resetWorktree } from './worktrees.ts'

const NAMES = [
  'with space',
  ' leading and trailing ',
  'line\nfeed',
  'tab\tand "quotes"',
  'back\\slash',
  'ünïcödé',
  'u\u0308 decomposed',
  '💥/deep/er',
  '-dash',
  ':(glob)magic',
  '*.star',
  '[a-z]',
  '#comment',
  '!not',
  '$HOME `id`',
]
const BINARY = Buffer.from([0, 255, 10, 13, 10, 0, 1, 254])

let repo: TestRepo
let folder: string

function make(hash: string): void {
  folder = tempFolder()
  repo = makeRepo({ empty: true })
  if (hash === 'sha256') {
    rmSync(join(repo.root, '.git'), { recursive: true })
    repo.git('init', '-q', '-b', 'main', '--object-format=sha256')
    repo.git('config', 'user.name', 'Ada User')
    repo.git('config', 'user.email', 'ada@example.test')
  }
  repo.commit({ 'README.md': 'hello\n', 'gone.txt': 'x\n', 'mode.sh': '#!/bin/sh\n', 'type.txt': 'x\n' }, 'first')
}

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(['sha1', 'sha256'])('in a repository with %s', (hash) => {
  it('everything that an agent may leave is taken as a tree, and comes back out of it', async () => {
    make(hash)
    const base = repo.git('rev-parse', 'HEAD')
    const { path, gitDir, fresh } = await ensureWorktree(
      repo.root,
      join(folder, 'work 1'),
      base,
      join(folder, 'meeting'),
    )
    expect(fresh).toBe(true)
    for (const name of NAMES) {
      mkdirSync(join(path, name, '..'), { recursive: true })
      execFileSync('sh', ['-c', 'printf %s "$1" > "$0"', join(path, name), `content of ${name}`])
    }
    repo.gitIn(path, ['config', 'core.quotePath', 'true'])
    rmSync(join(path, 'gone.txt'))
    chmodSync(join(path, 'mode.sh'), 0o755)
    rmSync(join(path, 'type.txt'))
    symlinkSync('README.md', join(path, 'type.txt'))
    symlinkSync('/nowhere at all', join(path, 'dangling'))
    execFileSync('sh', ['-c', 'cat > "$0"', join(path, 'binary')], { input: BINARY })

    const index = join(gitDir, 'belay-index')
    await seedIndex(gitDir, index)
    const tree = await snapshotTree(path, index)
    expect(tree).toHaveLength(hash === 'sha256' ? 64 : 40)
    const changes = await changedPaths(repo.root, base, tree)
    expect(changes.map((change) => `${change.status} ${change.path}`).toSorted((a, b) => a.localeCompare(b))).toEqual(
      [...NAMES.map((name) => `A ${name}`), 'A binary', 'A dangling', 'D gone.txt', 'M mode.sh', 'T type.txt'].toSorted(
        (a, b) => a.localeCompare(b),
      ),
    )
    expect(changes.find((change) => change.path === 'mode.sh')).toMatchObject({ oldMode: '100644', newMode: '100755' })

    const commit = await commitTree(repo.root, { tree, parents: [base], message: 'all of it\n', sign: false })
    expect(await isAncestor(repo.root, base, commit)).toBe(true)
    const second = await ensureWorktree(repo.root, join(folder, 'proof'), commit, join(folder, 'meeting'))
    for (const name of NAMES) expect(readFileSync(join(second.path, name), 'utf8')).toBe(`content of ${name}`)
    expect(readFileSync(join(second.path, 'binary')).equals(BINARY)).toBe(true)
    expect(readlinkSync(join(second.path, 'dangling'))).toBe('/nowhere at all')
    expect(lstatSync(join(second.path, 'mode.sh')).mode & 0o100).toBe(0o100)
    expect(await readBlob(repo.root, commit, 'line\nfeed')).toEqual(Buffer.from('content of line\nfeed'))

    await resetWorktree(second, base, null)
    expect(repo.gitIn(second.path, ['status', '--porcelain'])).toBe('')
    expect(repo.gitIn(second.path, ['rev-parse', 'HEAD'])).toBe(base)
    await removeWorktree(repo.root, path, join(folder, 'meeting'))
    await removeWorktree(repo.root, second.path, join(folder, 'meeting'))
    expect(repo.git('worktree', 'list', '--porcelain').split('\n\n')).toHaveLength(1)
    expect(repo.git('fsck', '--full', '--strict', '--no-dangling')).toBe('')
  })

  it('trees are edited and merged, refs moved and fenced', async () => {
    make(hash)
    const base = repo.git('rev-parse', 'HEAD')
    const id = await writeBlob(repo.root, 'new\n')
    const edits = new Map([
      ['line\nfeed/x y', { mode: '100644', id }],
      ['gone.txt', null],
    ])
    const tree = await editTree(repo.root, await treeOf(repo.root, base), edits)
    expect((await changedPaths(repo.root, base, tree)).map(({ status, path }) => [status, path])).toEqual([
      ['D', 'gone.txt'],
      ['A', 'line\nfeed/x y'],
    ])
    const store = (of: string, parent: string): Promise<string> =>
      commitTree(repo.root, {
        tree: of,
        parents: [parent],
        message: message('s', 'b', [trailer('K', 'a\nb')]),
        sign: false,
      })
    const mine = await store(tree, base)
    expect(repo.git('log', '-1', '--format=%(trailers:key=K,valueonly)', mine)).toBe('a b')
    const other = new Map([['README.md', { mode: '100644', id }]])
    const theirs = await store(await editTree(repo.root, await treeOf(repo.root, base), other), base)
    const merged = await mergeTrees(repo.root, mine, theirs)
    expect('conflicts' in merged).toBe(false)
    expect((await changedPaths(repo.root, base, merged.tree)).map((change) => change.path)).toHaveLength(3)
    const clash = new Map([['README.md', { mode: '100644', id: await writeBlob(repo.root, 'clash\n') }]])
    const third = await store(await editTree(repo.root, await treeOf(repo.root, base), clash), base)
    expect(await mergeTrees(repo.root, theirs, third)).toMatchObject({ conflicts: ['README.md'] })

    const journal = new MoveJournal(join(folder, 'moves'), 'r1')
    const mark = await raiseEpochRef(repo.root, 'r1', 'T1', 1, () => Promise.resolve(), journal)
    const commands = [
      { verb: 'verify', ref: epochRef('r1', 'T1'), old: mark },
      { verb: 'update', ref: 'refs/heads/x', to: mine, old: null },
    ] as const
    expect(await updateRefs(repo.root, commands, journal)).toBe(true)
    expect(await updateRefs(repo.root, commands, journal)).toBe(false)
    expect(await readRef(repo.root, 'refs/heads/x')).toBe(mine)
  })
})
