import { constants, type Stats } from 'node:fs'
import { copyFile, lstat, mkdir, readdir, readlink, realpath, rename, symlink, utimes, chmod } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import { removeTree } from '../git/remove-tree.ts'
import { gitFailed, tryGit } from '../git/run.ts'
import { fixedPart, globToRegExp } from '../core/glob.ts'

export interface CopyRequest {
  /** Root of the user's checkout. */
  readonly from: string
  /** Root of the workspace. */
  readonly to: string
  /** Paths and globs relative to the root (`.env`, `packages/*.local`, `node_modules`). */
  readonly patterns: readonly string[]
}

export interface CopyResult {
  /** Relative paths of what this call copied; folders end in `/`. */
  readonly copied: readonly string[]
  /** Everything that the patterns put into the workspace, now or earlier. */
  readonly present: readonly string[]
  /** What was left out and why, for the user. */
  readonly skipped: readonly { readonly path: string; readonly why: string }[]
}

/**
 * Prefix of unfinished copies in the root folder. They are renamed when complete, so half a copy is never mistaken for a whole
 * one.
 */
const HALF = '.belay-copy-'

/** How many files are copied at once. */
const PARALLEL = 16

/**
 * Copies git-ignored files from the user's checkout into a workspace: as a reflink where the file system can, else byte by
 * byte, never as a link into the user's checkout. Only ignored files qualify: tracked ones come with the commit, and others
 * would become part of the task's change. A folder is copied once, a file again if the user's has changed. `**` does not match
 * inside ignored folders (a pattern that names the folder does). Throws `workspace_copy` for patterns that leave the
 * repository. Repeatable, also after a crash.
 */
export async function copyIgnored(request: CopyRequest): Promise<CopyResult> {
  const { from, to, patterns } = request
  for (const pattern of patterns) checkPattern(pattern)
  const skipped: { path: string; why: string }[] = []
  const copied: string[] = []
  const present: string[] = []
  await removeHalves(to)
  if (patterns.length === 0) return { copied, present, skipped }
  const top = await realpath(from)
  const copier = new Copier(top, skipped)
  for (const path of await findIgnored(top, patterns, skipped)) {
    const outcome = await bring(copier, path, to)
    if (outcome !== 'skipped') present.push(path)
    if (outcome === 'copied') copied.push(path)
  }
  return { copied, present, skipped }
}

function checkPattern(pattern: string): void {
  const names = pattern.split('/')
  const why =
    isAbsolute(pattern) || pattern.startsWith('~')
      ? 'an absolute path'
      : names.includes('..')
        ? 'a path that leaves the repository'
        : names[0] === '.git' || pattern === '' || pattern === '.'
          ? 'git’s own files'
          : null
  if (why === null) return
  throw new BelayError('workspace_copy', `workspace.copy cannot take ${JSON.stringify(pattern)}: ${why}`, {
    expected: 'a path or glob inside the repository, relative to its root',
    received: pattern,
  })
}

async function removeHalves(to: string): Promise<void> {
  for (const name of await readdir(to)) {
    if (name.startsWith(HALF)) await removeTree(join(to, name))
  }
}

/** The outermost ignored paths that the patterns match; folders end in `/`. */
async function findIgnored(
  top: string,
  patterns: readonly string[],
  skipped: { path: string; why: string }[],
): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory']
  const result = await tryGit(args, { cwd: top })
  if (result.code !== 0) throw gitFailed(args, result)
  const ignored = result.stdout.toString('utf8').split('\0').filter(Boolean)
  const found = new Set<string>()
  for (const pattern of patterns) {
    const matches = globToRegExp(pattern)
    const fixed = fixedPart(pattern)
    let any = false
    const add = (path: string): void => {
      found.add(path)
      any = true
    }
    for (const path of ignored) {
      const bare = path.replace(/\/$/, '')
      if (matches.test(bare) || (path !== bare && pattern === `${bare}/**`)) add(path)
      else if (path !== bare && (fixed === bare || fixed.startsWith(path))) await walk(top, bare, matches, add)
    }
    if (!any && !/[*?[{\\]/.test(pattern)) await explain(top, pattern, skipped)
  }
  return [...found]
    .filter((path) => ![...found].some((other) => other !== path && other.endsWith('/') && path.startsWith(other)))
    .sort()
}

/** Finds matches inside an ignored folder. */
async function walk(top: string, folder: string, matches: RegExp, add: (path: string) => void): Promise<void> {
  for (const entry of await readdir(join(top, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (matches.test(path)) add(entry.isDirectory() ? `${path}/` : path)
    else if (entry.isDirectory()) await walk(top, path, matches, add)
  }
}

/** Adds to `skipped` why a path that was given literally is not among the ignored ones. */
async function explain(top: string, path: string, skipped: { path: string; why: string }[]): Promise<void> {
  const found = await lstat(join(top, path)).catch(() => null)
  if (!found) return // does not exist yet, as in a fresh clone: nothing to copy
  const tracked = await tryGit(['ls-files', '--error-unmatch', '--', `:(literal)${path}`], { cwd: top })
  skipped.push({ path, why: tracked.code === 0 ? 'git tracks it: it comes with the commit' : 'git does not ignore it' })
}

async function bring(copier: Copier, path: string, to: string): Promise<'copied' | 'there' | 'skipped'> {
  const bare = path.replace(/\/$/, '')
  const source = join(copier.top, bare)
  const target = join(to, bare)
  const found = await lstat(source).catch(() => null)
  if (!found) return 'skipped' // gone since it was listed
  if (!(await isInside(to, target))) {
    copier.skipped.push({ path, why: 'a link stands in its way in the workspace' })
    return 'skipped'
  }
  const there = await lstat(target).catch(() => null)
  if (there && (found.isDirectory() ? there.isDirectory() : isSame(found, there))) return 'there'
  const half = join(to, `${HALF}${randomId(8)}`)
  if (!(await copier.copy(source, half, path))) return 'skipped'
  await mkdir(dirname(target), { recursive: true })
  if (there) await removeTree(target)
  await rename(half, target)
  return 'copied'
}

/** File times are set in milliseconds, which rounds them. */
const TIME_STEP_MS = 2

function isSame(a: Stats, b: Stats): boolean {
  return (
    a.isFile() && b.isFile() && a.size === b.size && Math.abs(a.mtimeMs - b.mtimeMs) < TIME_STEP_MS && a.mode === b.mode
  )
}

/** Whether all existing parents of `target` are real folders inside `top`, not links that could lead out of it. */
async function isInside(top: string, target: string): Promise<boolean> {
  for (let folder = dirname(target); folder !== top; folder = dirname(folder)) {
    const found = await lstat(folder).catch(() => null)
    if (found && !found.isDirectory()) return false
  }
  return true
}

class Copier {
  readonly top: string
  readonly skipped: { path: string; why: string }[]

  constructor(top: string, skipped: { path: string; why: string }[]) {
    this.top = top
    this.skipped = skipped
  }

  /** Copies a file, link or folder to a path that does not exist yet. Returns false if it was left out (see `skipped`). */
  async copy(source: string, target: string, name: string): Promise<boolean> {
    const found = await lstat(source)
    if (found.isDirectory()) {
      await mkdir(target)
      const names = await readdir(source)
      for (let i = 0; i < names.length; i += PARALLEL) {
        const some = names.slice(i, i + PARALLEL)
        await Promise.all(
          some.map((entry) =>
            this.copy(join(source, entry), join(target, entry), `${name.replace(/\/$/, '')}/${entry}`),
          ),
        )
      }
      await utimes(target, found.atime, found.mtime)
      await chmod(target, found.mode & 0o7777)
      return true
    }
    if (found.isSymbolicLink()) return this.copyLink(source, target, name)
    if (!found.isFile()) return this.leaveOut(name, 'neither a file nor a folder')
    try {
      await copyFile(source, target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES') return this.leaveOut(name, 'it may not be read')
      if (code === 'ENOENT') return this.leaveOut(name, 'it went while it was copied')
      throw error
    }
    await utimes(target, found.atime, found.mtime)
    return true
  }

  /**
   * Links stay links, but only to targets inside the repository. An absolute one is made relative, because it would lead back
   * into the user's checkout.
   */
  private async copyLink(source: string, target: string, name: string): Promise<boolean> {
    const to = await readlink(source)
    const meant = resolve(dirname(source), to)
    const inside = relative(this.top, meant)
    if (inside === '' || inside.startsWith('..') || isAbsolute(inside))
      return this.leaveOut(name, 'a link that leads out of the repository')
    const real = await realpath(source).catch(() => null)
    if (real !== null && relative(this.top, real).startsWith('..'))
      return this.leaveOut(name, 'a link that leads out of the repository')
    await symlink(isAbsolute(to) ? relative(dirname(source), meant) : to, target)
    return true
  }

  private leaveOut(path: string, why: string): false {
    this.skipped.push({ path, why })
    return false
  }
}
