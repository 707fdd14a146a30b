import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderCache } from './folder-cache.ts'
import { findGitDirs } from './scan.ts'
import { Repositories } from './repositories.ts'
import { policyOf } from '../request.ts'

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-repositories-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
}

const opened = () => Repositories.of(policyOf('os', { access: 'workspace-write', workspace: folder }))

it('takes what runs programs out of a repository that was made, tells what, and leaves the rest', async () => {
  const repositories = await opened()
  git('init', '-q', 'new')
  git('-C', 'new', 'remote', 'add', 'origin', 'https://example.org/"a" b.git')
  git('-C', 'new', 'config', 'core.sshCommand', 'evil')
  git('-C', 'new', 'config', 'remote.x.url', 'ext::evil')
  git('-C', 'new', 'config', 'submodule.s.update', '!evil')
  mkdirSync(join(folder, 'new/.git/hooks'), { recursive: true })
  writeFileSync(join(folder, 'new/.git/hooks/pre-push'), 'evil')
  await repositories.settle([], () => {})
  const config = join(folder, 'new/.git/config')
  expect(repositories.removed).toEqual([
    `core.sshcommand in ${config}`,
    `remote.x.url in ${config}`,
    `submodule.s.update in ${config}`,
    join(folder, 'new/.git/hooks/pre-push'),
  ])
  expect(readFileSync(config, 'utf8')).not.toContain('evil')
  expect(git('-C', 'new', 'config', 'remote.origin.url')).toBe('https://example.org/"a" b.git')
  expect(git('-C', 'new', 'status', '--porcelain')).toBe('')
  await repositories.settle([], () => {}, true)
  expect(repositories.removed).toHaveLength(4)
})

it('leaves the settings and hooks of repositories that were there, also when they are moved', async () => {
  git('init', '-q', 'old')
  git('-C', 'old', 'config', 'core.sshCommand', 'mine')
  const repositories = await opened()
  execFileSync('mv', ['old', 'moved'], { cwd: folder })
  await repositories.settle([], () => {}, true)
  expect(git('-C', 'moved', 'config', 'core.sshCommand')).toBe('mine')
  expect(repositories.removed).toEqual([])
})

it('holds the place of a repository with an empty folder until the last program has ended', async () => {
  const repositories = await opened()
  const guards = repositories.guards()
  const releases = [repositories.hold(guards), repositories.hold(guards)]
  expect(existsSync(join(folder, '.git'))).toBe(true)
  releases[0]?.()
  releases[0]?.()
  expect(existsSync(join(folder, '.git'))).toBe(true)
  releases[1]?.()
  expect(existsSync(join(folder, '.git'))).toBe(false)
})

it('leaves a repository that the user made meanwhile', async () => {
  const repositories = await opened()
  const release = repositories.hold(repositories.guards())
  git('init', '-q', '.')
  release()
  expect(git('status', '--porcelain')).toBe('')
})

it('looks at a bounded number of folders, and says when it stopped', async () => {
  for (const name of ['a', 'b', 'c']) git('init', '-q', `node_modules/${name}`)
  git('init', '-q', 'src')
  expect(await findGitDirs([folder], 3)).toEqual({ gitDirs: new Set([join(folder, 'src/.git')]), cut: true })
  const all = await findGitDirs([folder], 1000)
  expect([all.gitDirs.size, all.cut]).toEqual([4, false])
})

it('where it could not look at everything, takes for new only what changed since', async () => {
  for (const name of ['left', 'touched']) {
    git('init', '-q', `node_modules/${name}`)
    git('-C', `node_modules/${name}`, 'config', 'core.sshCommand', 'mine')
  }
  const many = join(folder, 'many')
  mkdirSync(many)
  for (let n = 0; n < 60; n++) mkdirSync(join(many, String(n)))
  const config = join(folder, 'node_modules/touched/.git/config')
  await expect.poll(() => Date.now() - statSync(config).ctimeMs, { timeout: 10_000, interval: 50 }).toBeGreaterThan(500)
  const policy = policyOf('os', { access: 'workspace-write', workspace: folder })
  const repositories = await Repositories.of(policy, 50)
  git('-C', 'node_modules/touched', 'config', 'core.pager', 'evil')
  // Move it out of sight, so that both repositories are found now.
  const away = mkdtempSync(join(tmpdir(), 'belay-repositories-'))
  renameSync(many, join(away, 'many'))
  try {
    await repositories.settle([], () => {}, true)
    expect(git('-C', 'node_modules/left', 'config', 'core.sshCommand')).toBe('mine')
    expect(readFileSync(config, 'utf8')).not.toContain('evil')
  } finally {
    rmSync(away, { recursive: true, force: true })
  }
})

describe('a look with a memory', () => {
  const age = async (path: string): Promise<void> => {
    // The kernel sets this time itself, so only waiting makes it old.
    await expect.poll(() => Date.now() - statSync(path).ctimeMs, { interval: 100 }).toBeGreaterThan(2100)
  }
  const found = async (memory: FolderCache): Promise<readonly string[]> => {
    const { gitDirs } = await findGitDirs([folder], 1000, memory)
    return [...gitDirs].map((path) => path.slice(folder.length + 1)).sort()
  }

  it('finds what came since, however deep, and no longer what went', async () => {
    mkdirSync(join(folder, 'a/b/c/d'), { recursive: true })
    mkdirSync(join(folder, 'other/deep'), { recursive: true })
    git('init', '-q', 'old')
    await age(join(folder, 'old/.git'))
    const memory = new FolderCache()
    expect(await found(memory)).toEqual(['old/.git'])
    git('init', '-q', 'a/b/c/d')
    git('init', '-q', '--bare', 'other/deep')
    expect(await found(memory)).toEqual(['a/b/c/d/.git', 'old/.git', 'other/deep'])
    rmSync(join(folder, 'old'), { recursive: true })
    // The time that programs can set must not matter.
    utimesSync(folder, new Date(0), new Date(0))
    expect(await found(memory)).toEqual(['a/b/c/d/.git', 'other/deep'])
  })

  it('reads again what .git files and common folders are named', async () => {
    for (const name of ['x.git', 'y.git']) mkdirSync(join(folder, 'places', name), { recursive: true })
    mkdirSync(join(folder, 'tree'))
    writeFileSync(join(folder, 'tree/.git'), 'gitdir: ../places/x.git\n')
    await age(join(folder, 'tree'))
    const memory = new FolderCache()
    expect(await found(memory)).toEqual(['places/x.git'])
    // Written in place, so the folder does not change.
    writeFileSync(join(folder, 'tree/.git'), 'gitdir: ../places/y.git\n')
    expect(await found(memory)).toEqual(['places/y.git'])
  })

  it('does not trust what was written a moment ago', async () => {
    const memory = new FolderCache()
    mkdirSync(join(folder, 'new'))
    for (let n = 0; n < 30; n++) {
      await found(memory)
      git('init', '-q', '--bare', `new/${n}`)
      expect(await found(memory)).toContain(`new/${n}`)
    }
  })

  it('does not take another folder of the same name for the one it knew', async () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true })
    mkdirSync(join(folder, 'spare/b'), { recursive: true })
    git('init', '-q', 'spare/b/repository')
    await age(join(folder, 'spare/b/repository/.git'))
    const memory = new FolderCache()
    expect(await found(memory)).toEqual(['spare/b/repository/.git'])
    renameSync(join(folder, 'a'), join(folder, 'gone'))
    renameSync(join(folder, 'spare'), join(folder, 'a'))
    expect(await found(memory)).toEqual(['a/b/repository/.git'])
  })
})

it('goes on taking away after it could not once, and tells that to who asked', async () => {
  const repositories = await opened()
  const broken = (): never => {
    throw new Error('no space left')
  }
  await expect(repositories.settle([], broken)).rejects.toThrow('no space left')
  git('init', '-q', 'new')
  git('-C', 'new', 'config', 'core.sshCommand', 'evil')
  await repositories.settle([], () => {})
  expect(repositories.removed).toEqual([`core.sshcommand in ${join(folder, 'new', '.git', 'config')}`])
})
