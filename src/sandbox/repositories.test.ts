import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { findGitDirs } from './git-scan.ts'
import { Repositories } from './repositories.ts'
import { policyOf } from './request.ts'

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
  expect(repositories.took).toEqual([
    `core.sshcommand in ${config}`,
    `remote.x.url in ${config}`,
    `submodule.s.update in ${config}`,
    join(folder, 'new/.git/hooks/pre-push'),
  ])
  expect(readFileSync(config, 'utf8')).not.toContain('evil')
  expect(git('-C', 'new', 'config', 'remote.origin.url')).toBe('https://example.org/"a" b.git')
  expect(git('-C', 'new', 'status', '--porcelain')).toBe('')
  await repositories.settle([], () => {}, true)
  expect(repositories.took).toHaveLength(4)
})

it('leaves the settings and hooks of repositories that were there, also when they are moved', async () => {
  git('init', '-q', 'old')
  git('-C', 'old', 'config', 'core.sshCommand', 'mine')
  const repositories = await opened()
  execFileSync('mv', ['old', 'moved'], { cwd: folder })
  await repositories.settle([], () => {}, true)
  expect(git('-C', 'moved', 'config', 'core.sshCommand')).toBe('mine')
  expect(repositories.took).toEqual([])
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
