import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { BelayError } from '../core/errors.ts'
import { checkGitVersion, dirtyPaths, openRepository } from './repository.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'

const made: { remove(): void }[] = []

function repo(options?: Parameters<typeof makeRepo>[0]): TestRepo {
  const one = makeRepo(options)
  made.push(one)
  return one
}

function folder(): string {
  const path = tempFolder()
  made.push({ remove: () => rmSync(path, { recursive: true, force: true }) })
  return path
}

afterEach(() => {
  for (const one of made.splice(0)) one.remove()
})

async function failure(promise: Promise<unknown>): Promise<BelayError> {
  return promise.then(
    () => expect.fail('this should have failed'),
    (error: unknown) => error as BelayError,
  )
}

test('a repository is found from any subdirectory and has one id for all its checkouts', async () => {
  const one = repo({ folder: "odd name 'with\nline feed" })
  mkdirSync(join(one.root, 'a/b c'), { recursive: true })
  const top = await openRepository(one.root)
  expect(top).toEqual({
    root: one.root,
    gitDir: join(one.root, '.git'),
    commonDir: join(one.root, '.git'),
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
    head: { commit: one.git('rev-parse', 'HEAD'), branch: 'main' },
  })
  expect(await openRepository(join(one.root, 'a/b c'))).toEqual(top)

  const linked = join(folder(), 'linked')
  one.git('worktree', 'add', '-q', '-b', 'feature/x', linked)
  const other = await openRepository(linked)
  expect(other).toMatchObject({ root: linked, commonDir: top.commonDir, id: top.id, head: { branch: 'feature/x' } })
  expect(other.gitDir).toBe(realpathSync(join(top.commonDir, 'worktrees/linked')))

  const alias = join(folder(), 'alias')
  symlinkSync(one.root, alias)
  expect((await openRepository(alias)).id).toBe(top.id)
})

test('a detached HEAD has no branch', async () => {
  const one = repo()
  one.git('checkout', '-q', '--detach')
  expect((await openRepository(one.root)).head.branch).toBeNull()
})

test('what cannot be worked with is refused with the way out', async () => {
  const outside = await failure(openRepository(folder()))
  expect(outside).toMatchObject({ code: 'no_repository', next: 'git init', exit: 2 })

  const empty = repo({ empty: true })
  expect(await failure(openRepository(empty.root))).toMatchObject({
    code: 'unborn_head',
    exit: 2,
    next: 'git commit --allow-empty -m "First commit"',
  })
  empty.write('new file.txt', 'x')
  const unborn = await failure(openRepository(empty.root))
  expect(unborn.next).toBe('git add -A && git commit -m "First commit"')
  empty.gitIn(empty.root, ['-c', 'alias.x=!' + unborn.next, 'x'])
  expect((await openRepository(empty.root)).head.branch).toBe('main')

  const bare = folder()
  repo().git('clone', '-q', '--bare', '.', join(bare, 'b.git'))
  expect(await failure(openRepository(join(bare, 'b.git')))).toMatchObject({ code: 'bare_repository', exit: 2 })
  expect(await failure(openRepository(join(repo().root, '.git')))).toMatchObject({ code: 'no_repository', exit: 2 })
  const windows = await failure(openRepository('/', 'win32'))
  expect(windows).toMatchObject({ code: 'windows_unsupported', exit: 2, next: expect.stringContaining('WSL') })
})

test('a HEAD that names a lost commit is not taken for an unborn one', async () => {
  const one = repo()
  writeFileSync(join(one.root, '.git/refs/heads/main'), `${'1'.repeat(40)}\n`)
  expect(await failure(openRepository(one.root))).toMatchObject({ code: 'broken_head' })
})

test('only git 2.38 and newer will do', () => {
  for (const good of ['git version 2.38.0', 'git version 2.39.5 (Apple Git-154)', 'git version 3.0.rc1']) {
    expect(() => checkGitVersion(good)).not.toThrow()
  }
  for (const bad of ['git version 2.37.9', 'git version 1.99.1', 'who knows']) {
    expect(() => checkGitVersion(bad)).toThrow(expect.objectContaining({ code: 'git_too_old', exit: 2 }))
  }
})

test('dirty paths are told with any name, in their right group', async () => {
  const one = repo()
  const odd = ['with space.txt', 'line\nfeed.txt', 'ünïcode 漢字.txt', '-dash', '"quote".txt', '? looks like a line']
  one.commit(
    Object.fromEntries(
      [...odd, 'gone.txt', 'same.txt', '.gitignore'].map((name) => [name, name === '.gitignore' ? 'ignored\n' : name]),
    ),
  )
  expect(await dirtyPaths(one.root)).toEqual({ tracked: [], untracked: [] })

  for (const name of odd) one.write(name, 'changed')
  rmSync(join(one.root, 'gone.txt'))
  one.write('staged new.txt', 'x')
  one.git('add', 'staged new.txt')
  one.git('mv', 'same.txt', 'moved.txt')
  one.write('folder/un tracked', 'x')
  one.write('ignored', 'x')
  const dirty = await dirtyPaths(one.root)
  expect(dirty.tracked).toEqual([...odd, 'gone.txt', 'staged new.txt', 'same.txt', 'moved.txt'].sort())
  expect(dirty.untracked).toEqual(['folder/un tracked'])
  expect((await dirtyPaths(one.root, { untracked: false })).untracked).toEqual([])
})

test('a path in conflict is dirty', async () => {
  const one = repo()
  one.commit({ 'a b': 'base\n' })
  one.git('checkout', '-q', '-b', 'side')
  one.commit({ 'a b': 'side\n' })
  one.git('checkout', '-q', 'main')
  one.commit({ 'a b': 'main\n' })
  expect(() => one.git('merge', '-q', 'side')).toThrow()
  expect((await dirtyPaths(one.root)).tracked).toEqual(['a b'])
})
