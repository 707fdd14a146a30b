import { appendFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { initSubmodules, submoduleChanges, type SubmoduleChange } from './submodules.ts'
import { makeRepo, tempFolder, type TestRepo } from './testing/repo.ts'
import { seedIndex, snapshotTree } from './trees.ts'

let repo: TestRepo
let library: TestRepo
let inner: TestRepo
let folder: string
let work: string

const FILE_ALLOWED = ['-c', 'protocol.file.allow=always']

beforeEach(() => {
  ;[repo, library, inner] = [makeRepo(), makeRepo(), makeRepo()]
  folder = tempFolder()
  work = join(folder, 'work')
  inner.commit({ 'inner.txt': 'inner\n' })
  library.git(...FILE_ALLOWED, 'submodule', '--quiet', 'add', inner.root, 'deep/inner')
  library.commit({ 'lib.txt': 'lib\n', '.gitignore': 'ignored\n' })
  repo.git(...FILE_ALLOWED, 'submodule', '--quiet', 'add', '--name', 'a/library', library.root, 'vendor/the lib')
  repo.git(...FILE_ALLOWED, 'submodule', '--quiet', 'add', inner.root, 'unused')
  repo.commit({ 'a.txt': 'a\n' })
  repo.git(...FILE_ALLOWED, 'submodule', '--quiet', 'update', '--init', '--recursive', 'vendor/the lib')
  repo.git('submodule', '--quiet', 'deinit', '-f', 'unused')
  // The origins are gone, so everything must come from the user's copies.
  library.remove()
  inner.remove()
  repo.git('worktree', 'add', '-q', '--detach', work)
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

test('submodules come from the user’s copies, nested ones too, and nothing of the user’s changes', async () => {
  const config = readFileSync(join(repo.root, '.git/config'), 'utf8')
  const made = await initSubmodules(work, repo.root)
  expect(made.map((one) => one.path)).toEqual(['vendor/the lib', 'vendor/the lib/deep/inner'])
  expect(readFileSync(join(work, 'vendor/the lib/lib.txt'), 'utf8')).toBe('lib\n')
  expect(readFileSync(join(work, 'vendor/the lib/deep/inner/inner.txt'), 'utf8')).toBe('inner\n')
  expect(readdirSync(join(work, 'unused'))).toEqual([])
  expect(readFileSync(join(repo.root, '.git/config'), 'utf8')).toBe(config)
  expect(repo.git('status', '--porcelain')).toBe('')
  expect(repo.gitIn(work, ['status', '--porcelain'])).toBe('')
  expect(repo.gitIn(join(work, 'vendor/the lib'), ['remote'])).toBe('')

  writeFileSync(join(work, 'vendor/the lib/lib.txt'), 'changed')
  writeFileSync(join(work, 'vendor/the lib/ignored'), 'stays where nothing is made anew')
  expect(await initSubmodules(work, repo.root, made)).toEqual(made)
  expect(readFileSync(join(work, 'vendor/the lib/lib.txt'), 'utf8')).toBe('lib\n')
  expect(existsSync(join(work, 'vendor/the lib/ignored'))).toBe(true)
  rmSync(join(work, 'vendor'), { recursive: true })
  expect(await initSubmodules(work, repo.root)).toEqual(made)
  expect(existsSync(join(work, 'vendor/the lib/deep/inner/inner.txt'))).toBe(true)
})

test('a commit that the user’s copy lacks is said with the command that brings it', async () => {
  const lost = '1'.repeat(40)
  repo.git('update-index', '--cacheinfo', `160000,${lost},vendor/the lib`)
  repo.git('commit', '-q', '-m', 'ahead')
  repo.gitIn(work, ['checkout', '-q', '--detach', 'main'])
  await expect(initSubmodules(work, repo.root)).rejects.toMatchObject({
    code: 'submodule_missing',
    expected: lost,
    next: `git -C ${repo.root} submodule update --init 'vendor/the lib'`,
  })
})

test('a repository without submodules needs nothing', async () => {
  const plain = makeRepo()
  try {
    expect(await initSubmodules(plain.root, plain.root)).toEqual([])
    expect(await submoduleChanges(plain.root, [], 'HEAD', 'HEAD')).toEqual([])
  } finally {
    plain.remove()
  }
})

test('moved pointers and changes inside are found, by-products that are ignored there are not', async () => {
  const lib = join(work, 'vendor/the lib')
  const made = await initSubmodules(work, repo.root)
  const head = repo.git('rev-parse', 'HEAD')
  const changes = async (): Promise<SubmoduleChange[]> => {
    await seedIndex(repo.gitIn(work, ['rev-parse', '--absolute-git-dir']), join(folder, 'index'))
    return submoduleChanges(work, made, head, await snapshotTree(work, join(folder, 'index')))
  }
  const kinds = async (): Promise<string[]> => (await changes()).map((one) => `${one.path}: ${one.why}`)
  writeFileSync(join(lib, 'ignored'), 'x')
  writeFileSync(join(work, 'a.txt'), 'changed')
  expect(await changes()).toEqual([])

  writeFileSync(join(lib, 'new'), 'x')
  writeFileSync(join(lib, 'deep/inner/inner.txt'), 'x')
  expect(await kinds()).toEqual(['vendor/the lib: changes', 'vendor/the lib/deep/inner: changes'])

  repo.gitIn(lib, ['add', 'new'])
  repo.gitIn(lib, ['commit', '-q', '-m', 'inside'])
  repo.gitIn(work, ['add', '-A'])
  expect(await kinds()).toEqual(['vendor/the lib: pointer', 'vendor/the lib/deep/inner: changes'])

  repo.gitIn(work, ['reset', '-q'])
  await initSubmodules(work, repo.root)
  writeFileSync(join(work, 'unused/file'), 'x')
  repo.gitIn(work, ['init', '-q', 'added'])
  repo.gitIn(join(work, 'added'), [
    '-c',
    'user.name=x',
    '-c',
    'user.email=x@y',
    'commit',
    '-q',
    '--allow-empty',
    '-m',
    'x',
  ])
  expect(await kinds()).toEqual(['added: pointer', 'unused: changes'])
})

test('git does not run in a submodule whose configuration an agent changed', async () => {
  const made = await initSubmodules(work, repo.root)
  const proof = join(folder, 'ran')
  const gitDir = made[0]?.gitDir ?? ''
  const head = repo.git('rev-parse', 'HEAD')
  appendFileSync(join(gitDir, 'config'), `[core]\n\tfsmonitor = touch '${proof}'; false\n`)
  expect(await submoduleChanges(work, made, head, head)).toMatchObject([{ path: 'vendor/the lib', why: 'tampered' }])
  expect(await initSubmodules(work, repo.root, made)).toEqual(made)
  expect(await submoduleChanges(work, made, head, head)).toEqual([])
  expect(existsSync(proof)).toBe(false)

  const [, second] = made
  rmSync(join(work, second?.path ?? '', '.git'))
  repo.gitIn(work, ['init', '-q', second?.path ?? ''])
  expect((await submoduleChanges(work, made, head, head)).map((one) => one.why)).toContain('tampered')
})
