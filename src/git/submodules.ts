import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { quoteShell } from './quote.ts'
import { git, gitFailed, tryGit } from './run.ts'
import { GITLINK } from './objects.ts'
import { changedPaths } from './trees.ts'

/** A submodule that is checked out in a workspace. Plain JSON. */
export interface Submodule {
  /** Relative to the top of the workspace, also for a submodule inside another. */
  readonly path: string
  /** Its git folder, inside the workspace's git folder. */
  readonly gitDir: string
  /** The commit to which the workspace's commit points. */
  readonly commit: string
  /** Hash of its `.git` file, configuration and hooks when it was created. */
  readonly seal: string
}

/**
 * Gives a workspace the submodules that the user has, including nested ones, from the user's local copies: without network
 * access and without writing to the user's configuration. Objects are shared with the user's copy by reference and only read.
 * Submodules that the user has not initialised stay empty. Throws `submodule_missing` if the user's copy lacks the commit, and
 * `submodule_unsafe` for a name that leaves the repository. Safe to repeat: a submodule that matches `known` (the result of the
 * last call) is reset to its commit; any other is created again, so that git never runs where an agent may have changed what
 * git executes.
 */
export async function initSubmodules(
  workspace: string,
  userRoot: string,
  known: readonly Submodule[] = [],
): Promise<Submodule[]> {
  const ownGitDir = await git(['rev-parse', '--absolute-git-dir'], { cwd: workspace })
  return initBelow(workspace, userRoot, ownGitDir, new Set(known.map((one) => one.seal)))
}

async function initBelow(
  workspace: string,
  userRoot: string,
  ownGitDir: string,
  seals: ReadonlySet<string>,
): Promise<Submodule[]> {
  const made: Submodule[] = []
  const names = await namesByPath(workspace)
  for (const { path, commit } of await listPointers(workspace)) {
    const name = names.get(path)
    const source = name === undefined ? null : await userCopy(userRoot, path)
    if (name === undefined || source === null) continue
    if (!isSafeName(name)) {
      throw new BelayError(
        'submodule_unsafe',
        `the submodule name ${JSON.stringify(name)} leads out of the repository`,
        {
          next: 'fix .gitmodules',
        },
      )
    }
    const folder = join(workspace, path)
    const gitDir = join(ownGitDir, 'modules', name)
    await checkout({ source, folder, gitDir, commit, shown: path, userRoot, seals })
    made.push({ path, gitDir, commit, seal: await sealOf(folder, gitDir) })
    for (const inner of await initBelow(folder, join(userRoot, path), gitDir, seals)) {
      made.push({ ...inner, path: `${path}/${inner.path}` })
    }
  }
  return made
}

interface Checkout {
  readonly source: string
  readonly folder: string
  readonly gitDir: string
  readonly commit: string
  readonly shown: string
  readonly userRoot: string
  /** Seals of submodules that can be reused; a seal covers their paths. */
  readonly seals: ReadonlySet<string>
}

async function checkout({ source, folder, gitDir, commit, shown, userRoot, seals }: Checkout): Promise<void> {
  const known = await tryGit(['cat-file', '-e', `${commit}^{commit}`], {
    cwd: dirname(source),
    env: { GIT_DIR: source },
  })
  if (known.code !== 0) {
    throw new BelayError(
      'submodule_missing',
      `your copy of the submodule ${shown} lacks the commit that is asked for`,
      {
        expected: commit,
        next: `git -C ${quoteShell(userRoot)} submodule update --init ${quoteShell(shown)}`,
      },
    )
  }
  if (!seals.has(await sealOf(folder, gitDir))) {
    await rm(gitDir, { recursive: true, force: true, maxRetries: 3 })
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
    await mkdir(dirname(gitDir), { recursive: true })
    await mkdir(dirname(folder), { recursive: true })
    await git(
      [
        '-c',
        'protocol.file.allow=always',
        'clone',
        '--quiet',
        '--shared',
        '--no-checkout',
        '--no-tags',
        '--separate-git-dir',
        gitDir,
        source,
        folder,
      ],
      { cwd: dirname(folder) },
    )
    // A push to it would write into the user's copy.
    await git(['remote', 'remove', 'origin'], { cwd: folder })
  }
  const args = ['checkout', '--quiet', '--force', '--detach', commit]
  const result = await tryGit(args, { cwd: folder })
  if (result.code !== 0) throw gitFailed(args, result)
}

interface Pointer {
  readonly path: string
  readonly commit: string
}

/** Submodule pointers in the checked-out commit. */
async function listPointers(root: string): Promise<Pointer[]> {
  if (!(await lstat(join(root, '.gitmodules')).catch(() => null))) return []
  const args = ['ls-tree', '-r', '-z', '--full-tree', 'HEAD']
  const result = await tryGit(args, { cwd: root })
  if (result.code !== 0) throw gitFailed(args, result)
  return result.stdout
    .toString('utf8')
    .split('\0')
    .flatMap((entry) => {
      const [, commit, path] = /^160000 commit ([0-9a-f]+)\t(.+)$/s.exec(entry) ?? []
      return commit === undefined || path === undefined ? [] : [{ path, commit }]
    })
}

async function namesByPath(root: string): Promise<Map<string, string>> {
  const args = ['config', '-z', '--blob', 'HEAD:.gitmodules', '--get-regexp', String.raw`^submodule\..*\.path$`]
  const result = await tryGit(args, { cwd: root })
  const names = new Map<string, string>()
  for (const entry of result.stdout.toString('utf8').split('\0')) {
    const [, name, path] = /^submodule\.(.+)\.path\n(.+)$/s.exec(entry) ?? []
    if (name !== undefined && path !== undefined) names.set(path.replace(/\/$/, ''), name)
  }
  return names
}

function isSafeName(name: string): boolean {
  return !name.startsWith('/') && !name.split('/').some((part) => part === '..' || part === '.' || part === '')
}

/** The git folder of the user's copy of a submodule; null: the user has none. */
async function userCopy(userRoot: string, path: string): Promise<string | null> {
  const folder = join(userRoot, path)
  // Without a `.git` of its own, git would report the outer repository.
  if (!(await lstat(join(folder, '.git')).catch(() => null))) return null
  const result = await tryGit(['rev-parse', '--absolute-git-dir'], { cwd: folder })
  return result.code === 0 ? result.stdout.toString('utf8').replace(/\n$/, '') : null
}

/** One hash over everything that decides which programs git runs in a submodule. */
async function sealOf(folder: string, gitDir: string): Promise<string> {
  const hash = createHash('sha256')
  const add = async (path: string): Promise<void> => {
    const found = await lstat(path).catch(() => null)
    if (found?.isDirectory()) for (const name of (await readdir(path)).sort()) await add(join(path, name))
    else hash.update(`\0${path}\0${found?.mode ?? ''}\0`).update(found?.isFile() ? await readFile(path) : '')
  }
  const config = ['config', 'config.worktree', 'commondir', 'hooks', 'info/attributes', 'objects/info/alternates']
  for (const path of [join(folder, '.git'), ...config.map((name) => join(gitDir, name))]) await add(path)
  return hash.digest('hex')
}

export interface SubmoduleChange {
  readonly path: string
  readonly why: 'pointer' | 'changes' | 'tampered'
  readonly message: string
}

/**
 * What a turn did to submodules: pointers that differ between `base` and `tree` (the workspace's files as a tree), commits or
 * uncommitted changes inside a submodule, and files in one that the user has not initialised. A task with any of these is
 * blocked, because Belay does not land work inside submodules. Git runs in a submodule only if nothing that git would execute
 * there has changed.
 */
export async function submoduleChanges(
  workspace: string,
  submodules: readonly Submodule[],
  base: string,
  tree: string,
): Promise<SubmoduleChange[]> {
  const found = new Map<string, SubmoduleChange>()
  const add = (path: string, why: SubmoduleChange['why'], message: string): void => {
    if (!found.has(path)) found.set(path, { path, why, message })
  }
  for (const one of submodules) {
    const change = await inspect(join(workspace, one.path), one)
    if (change) add(one.path, change.why, change.message)
  }
  for (const { path, oldMode, newMode, newId } of await changedPaths(workspace, base, tree)) {
    if (oldMode !== GITLINK && newMode !== GITLINK) continue
    const how = newMode === GITLINK ? `points to ${newId.slice(0, 12)} now` : 'is no longer a submodule'
    add(path, 'pointer', `the submodule ${path} ${oldMode === GITLINK ? how : `was added`}`)
  }
  for (const { path } of await listPointers(workspace)) {
    if (submodules.some((one) => one.path === path)) continue
    const files = await readdir(join(workspace, path)).catch(() => [])
    if (files.length > 0)
      add(path, 'changes', `the submodule ${path} is not initialised, but there are files in it now`)
  }
  return [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function inspect(folder: string, one: Submodule): Promise<Omit<SubmoduleChange, 'path'> | null> {
  if ((await sealOf(folder, one.gitDir)) !== one.seal) {
    return { why: 'tampered', message: `the git configuration of the submodule ${one.path} was changed` }
  }
  const env = { GIT_DIR: one.gitDir, GIT_WORK_TREE: folder }
  const head = await tryGit(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { cwd: folder, env })
  const now = head.stdout.toString('utf8').trim()
  if (now !== one.commit) {
    return { why: 'pointer', message: `the submodule ${one.path} is at ${now.slice(0, 12) || 'no commit'} now` }
  }
  const args = ['status', '--porcelain', '-z', '--untracked-files=normal', '--ignore-submodules=all']
  const status = await tryGit(args, { cwd: folder, env })
  if (status.code !== 0) return { why: 'tampered', message: `git cannot read the submodule ${one.path}` }
  if (status.stdout.length === 0) return null
  const files = status.stdout
    .toString('utf8')
    .split('\0')
    .filter(Boolean)
    .map((entry) => entry.slice(3))
  return { why: 'changes', message: `files in the submodule ${one.path} were changed: ${files.slice(0, 5).join(', ')}` }
}
