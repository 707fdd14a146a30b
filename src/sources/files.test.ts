import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { folderFiles, treeFiles } from './files.ts'

let root: string
const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' })
const write = (path: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}
const commit = (): string => {
  git('add', '-A')
  git('-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-qm', 'x', '--allow-empty')
  return git('rev-parse', 'HEAD').trim()
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'belay sources-'))
  git('init', '-q')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const AWKWARD = 'specs/001 räksmörgås \u{1F980}/tasks (1)*[a].md'

describe.each(['tree', 'folder'] as const)('%s', (kind) => {
  const open = () => {
    const head = commit()
    return kind === 'tree' ? treeFiles(root, head) : folderFiles(root)
  }

  it('reads and lists, whatever the names', async () => {
    write(AWKWARD, '\uFEFFa\r\nb')
    write('constructor', 'c')
    write('specs/002/__proto__/x', '')
    write(':(top)/y', 'y')
    const files = open()
    expect(await files.read(AWKWARD)).toBe('\uFEFFa\r\nb')
    expect(await files.read('constructor')).toBe('c')
    expect(await files.read('specs/002/__proto__/x')).toBe('')
    expect(await files.read(':(top)/y')).toBe('y')
    expect(await files.list('specs')).toEqual(['001 räksmörgås \u{1F980}/', '002/'])
    expect(await files.list('specs/')).toEqual(['001 räksmörgås \u{1F980}/', '002/'])
    expect(await files.list('specs/002')).toEqual(['__proto__/'])
    expect((await files.list('')).filter((name) => name !== '.git/')).toEqual([':(top)/', 'constructor', 'specs/'])
  })

  it('has nothing where nothing is', async () => {
    write('a/file', 'x')
    const files = open()
    for (const path of ['b', 'a', 'a/file/x', 'a/*', '../x', 'toString', '', 'a\u0000b']) {
      expect(await files.read(path), path).toBeNull()
    }
    for (const path of ['b', 'a/file', 'a/f', '..', '../..']) expect(await files.list(path), path).toEqual([])
  })

  it('does not follow links', async () => {
    write('secret/key', 'x')
    mkdirSync(join(root, 'specs'))
    symlinkSync('../secret/key', join(root, 'specs/spec.md'))
    symlinkSync('../secret', join(root, 'specs/linked'))
    const files = open()
    expect(await files.list('specs')).toEqual([])
    expect(await files.read('specs/spec.md')).toBeNull()
    expect(await files.read('specs/linked/key')).toBeNull()
    expect(await files.list('specs/linked')).toEqual([])
  })

  it('refuses what is no text of sane size', async () => {
    write('utf16.md', Buffer.from('\uFEFFtasks', 'utf16le'))
    write('large.md', 'x'.repeat(4 * 1024 * 1024 + 1))
    const files = open()
    await expect(files.read('utf16.md')).rejects.toMatchObject({ code: 'source_unreadable', exit: 2 })
    await expect(files.read('large.md')).rejects.toMatchObject({ code: 'source_unreadable', exit: 2 })
  })
})

it('reads the commit, not the folder', async () => {
  write('a.md', 'old')
  const head = commit()
  write('a.md', 'new')
  write('b.md', 'new')
  const files = treeFiles(root, head)
  expect(await files.read('a.md')).toBe('old')
  expect(await files.read('b.md')).toBeNull()
  expect(await folderFiles(root).read('a.md')).toBe('new')
})

it('fails when there is no such commit', async () => {
  await expect(treeFiles(root, 'a'.repeat(40)).list('')).rejects.toMatchObject({ code: 'git_failed' })
})

it('has nothing in a folder that is gone', async () => {
  const files = folderFiles(join(root, 'gone'))
  expect(await files.read('a')).toBeNull()
  expect(await files.list('')).toEqual([])
})

it('waits for no pipe, and does not read what is too large for memory', async () => {
  execFileSync('mkfifo', [join(root, 'tasks.md')])
  write('large.md', '')
  truncateSync(join(root, 'large.md'), 2 ** 32)
  const files = folderFiles(root)
  expect(await files.read('tasks.md')).toBeNull()
  await expect(files.read('large.md')).rejects.toMatchObject({
    code: 'source_unreadable',
    received: `${2 ** 32} bytes`,
  })
})
