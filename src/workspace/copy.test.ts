import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeRepo, tempFolder, type TestRepo } from '../git/testing/repo.ts'
import { copyIgnored, type CopyResult } from './copy.ts'
import { fixedPart, globToRegExp } from '../core/glob.ts'

let repo: TestRepo
let folder: string
let work: string

beforeEach(() => {
  repo = makeRepo()
  folder = tempFolder()
  work = join(folder, 'work')
  repo.commit({ '.gitignore': '.env*\nnode_modules/\ndata/\n*.local\n' })
  repo.git('worktree', 'add', '-q', '--detach', work)
})

afterEach(() => {
  repo.remove()
  rmSync(folder, { recursive: true, force: true })
})

function copy(...patterns: string[]): Promise<CopyResult> {
  return copyIgnored({ from: repo.root, to: work, patterns })
}

test('patterns match as in a shell, dot files too', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['.env', '.env', true],
    ['.env', 'a/.env', false],
    ['**/.env', '.env', true],
    ['**/.env', 'a/b/.env', true],
    ['*', '.env', true],
    ['*', 'a/b', false],
    ['a/**', 'a/.b/c', true],
    ['a/*/c', 'a/b/c', true],
    ['a/*/c', 'a/b/b/c', false],
    ['.env.{a,b?}', '.env.bx', true],
    ['.env.{a,b?}', '.env.c', false],
    ['x[!0-9]', 'xa', true],
    ['x[!0-9]', 'x/', false],
    ['x[0-9', 'x[0-9', true],
    ['a+(b).txt', 'a+(b).txt', true],
    ['node_modules/', 'node_modules', true],
  ]
  for (const [pattern, path, matches] of cases)
    expect(globToRegExp(pattern).test(path), `${pattern} ${path}`).toBe(matches)
  expect(['a/b/*.c', '**/x', 'a/b', 'a/'].map(fixedPart)).toEqual(['a/b', '', 'a/b', 'a'])
})

test('ignored files and folders are copied with mode and time, and only once', async () => {
  repo.write('.env', 'one')
  chmodSync(join(repo.root, '.env'), 0o600)
  repo.write('packages/ä b/.env.local', 'two')
  for (let i = 0; i < 100; i++) repo.write(`node_modules/dep ${i}/index.js`, `${i}`)
  mkdirSync(join(repo.root, 'node_modules/.bin'))
  symlinkSync('../dep 1/index.js', join(repo.root, 'node_modules/.bin/one'))
  symlinkSync(join(repo.root, 'node_modules/dep 2'), join(repo.root, 'node_modules/absolute'))
  chmodSync(join(repo.root, 'node_modules/dep 3/index.js'), 0o555)
  chmodSync(join(repo.root, 'node_modules/dep 4'), 0o555)

  const first = await copy('.env', '**/.env.local', 'node_modules')
  expect(first).toEqual({
    copied: ['.env', 'node_modules/', 'packages/ä b/.env.local'],
    present: ['.env', 'node_modules/', 'packages/ä b/.env.local'],
    skipped: [],
  })
  const source = statSync(join(repo.root, '.env'))
  const target = statSync(join(work, '.env'))
  expect(target.mode).toBe(source.mode)
  expect(Math.abs(target.mtimeMs - source.mtimeMs)).toBeLessThan(2)
  expect(target.ino).not.toBe(source.ino)
  expect(readlinkSync(join(work, 'node_modules/.bin/one'))).toBe('../dep 1/index.js')
  expect(readlinkSync(join(work, 'node_modules/absolute'))).toBe('dep 2')
  expect(execFileSync('diff', ['-r', join(repo.root, 'node_modules'), join(work, 'node_modules')]).toString()).toBe('')
  expect(statSync(join(work, 'node_modules/dep 4')).mode & 0o777).toBe(0o555)

  writeFileSync(join(work, 'node_modules/dep 1/index.js'), 'changed in the workspace')
  expect((await copy('.env', 'node_modules')).copied).toEqual([])
  expect(readFileSync(join(repo.root, 'node_modules/dep 1/index.js'), 'utf8')).toBe('1')
  repo.write('.env', 'changed by the user')
  expect((await copy('.env', 'node_modules')).copied).toEqual(['.env'])
  expect(readFileSync(join(work, '.env'), 'utf8')).toBe('changed by the user')
})

test('paths inside an ignored folder can be named; ** does not search there', async () => {
  repo.write('data/big/a.bin', 'a')
  repo.write('data/big/b.txt', 'b')
  repo.write('data/.env', 'c')
  expect((await copy('data/big/*.bin', '**/.env')).copied).toEqual(['data/big/a.bin'])
  expect(readdirSync(join(work, 'data'))).toEqual(['big'])
  expect((await copy('data/**')).present).toEqual(['data/'])
})

test('what git tracks or does not ignore is left out, and said', async () => {
  repo.write('untracked', 'x')
  expect(await copy('README.md', 'untracked', 'absent')).toEqual({
    copied: [],
    present: [],
    skipped: [
      { path: 'README.md', why: 'git tracks it: it comes with the commit' },
      { path: 'untracked', why: 'git does not ignore it' },
    ],
  })
})

test('patterns that leave the repository are refused', async () => {
  for (const pattern of ['/etc/passwd', '../x', 'a/../../x', '~/x', '.git/config', '']) {
    await expect(copy(pattern), pattern).rejects.toMatchObject({ code: 'workspace_copy', exit: 2 })
  }
})

test('links that lead out, on either side, are not followed', async () => {
  writeFileSync(join(folder, 'secret'), 's')
  mkdirSync(join(repo.root, 'data'))
  symlinkSync(join(folder, 'secret'), join(repo.root, 'data/out'))
  symlinkSync('../../../../../../etc/passwd', join(repo.root, 'data/up'))
  symlinkSync('kept', join(repo.root, 'data/in'))
  writeFileSync(join(repo.root, 'data/kept'), 'k')
  const first = await copy('data')
  expect(first.skipped.map((one) => one.path).sort()).toEqual(['data/out', 'data/up'])
  expect(readdirSync(join(work, 'data')).sort()).toEqual(['in', 'kept'])

  repo.write('deep/x.local', 'x')
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), join(work, 'deep'))
  const second = await copy('deep/x.local')
  expect(second.skipped).toEqual([{ path: 'deep/x.local', why: 'a link stands in its way in the workspace' }])
  expect(readdirSync(join(folder, 'elsewhere'))).toEqual([])
})

test('half a copy of a killed process is not taken for a whole one', async () => {
  repo.write('data/a', 'a')
  mkdirSync(join(work, '.belay-copy-dead'))
  expect((await copy('data')).copied).toEqual(['data/'])
  expect(existsSync(join(work, '.belay-copy-dead'))).toBe(false)
  expect(lstatSync(join(work, 'data/a')).isFile()).toBe(true)
})
