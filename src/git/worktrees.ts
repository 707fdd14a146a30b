import { existsSync } from 'node:fs'
import { lstat, readFile, readdir, realpath, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { removeTree } from './remove-tree.ts'
import { alone, meetingPoint } from './alone.ts'
import { commonDirOf } from './common-dir.ts'
import { git, gitFailed, tryGit, type GitResult } from './run.ts'

/** One of Belay's own checkouts, and the folder with its HEAD and index. */
export interface Worktree {
  readonly path: string
  readonly gitDir: string
}

/**
 * Path of the lock for the list of worktrees. Git changes that list without a lock and fails at a half-written entry, so
 * Belay's processes change it one at a time. `folder` is Belay's, outside the repository, and the same for all of them.
 */
export function worktreesLock(folder: string, commonDir: string): string {
  return meetingPoint(folder, commonDir, 'worktrees')
}

async function changeList<T>(root: string, folder: string, work: () => Promise<T>): Promise<T> {
  return alone(worktreesLock(folder, await commonDirOf(root)), work)
}

/**
 * Creates a worktree at `path`, detached at `commit`, or reuses an intact one; one that a crash left half done is created
 * again. Only for a new one (`fresh`) are the files as in `commit`. `folder`: see `worktreesLock`.
 */
export async function ensureWorktree(
  root: string,
  path: string,
  commit: string,
  folder: string,
): Promise<Worktree & { fresh: boolean }> {
  const there = await openWorktree(root, path)
  if (there) return { ...there, fresh: false }
  await removeTree(path)
  await changeList(root, folder, async () => {
    await discardNotes(root, path)
    // Checking out the files takes long, so it happens outside the lock.
    const args = ['worktree', 'add', '--no-checkout', '--detach', '--lock', '--quiet', path, commit]
    const result = await withWholeNotes(() => tryGit(args, { cwd: root }))
    if (result.code !== 0) throw gitFailed(args, result)
  })
  await git(['reset', '--hard', '--quiet'], { cwd: path })
  const made = await openWorktree(root, path)
  if (!made) throw new Error(`git made no worktree at ${path}`)
  return { ...made, fresh: true }
}

// The entry had no `commondir` yet, or disappeared while git read it.
const HALF_MADE = /failed to read .*worktrees\/.*\/commondir|Invalid path '.*\/worktrees\/[^/]*'/
const ROUNDS = 10

/** Runs a git command that reads the list of worktrees; repeats it if it met an entry that the user's git was just creating. */
export async function withWholeNotes(command: () => Promise<GitResult>): Promise<GitResult> {
  for (let round = 1; ; round++) {
    const result = await command()
    if (result.code === 0 || round === ROUNDS || !HALF_MADE.test(result.stderr)) return result
    await new Promise((done) => setTimeout(done, 10 * round))
  }
}

/**
 * The worktree at `path`; null: there is no intact one. An agent may have written its `.git`, so only a git folder of this
 * repository that was created for exactly this path is accepted, never the user's own.
 */
async function openWorktree(root: string, path: string): Promise<Worktree | null> {
  const pointer = await readPlain(join(path, '.git'))
  const gitDir = /^gitdir: (.+?)\n*$/s.exec(pointer)?.[1]
  if (gitDir === undefined) return null
  const absolute = resolve(path, gitDir)
  const notes = await notesFolder(root)
  if (dirname(absolute) !== notes && (await realpath(dirname(absolute)).catch(() => '')) !== notes) return null
  const back = (await readPlain(join(absolute, 'gitdir'))).replace(/\n*$/, '')
  if (!(await namesOf(path)).includes(back)) return null
  // After a power cut, a file may exist without its content.
  const head = await readPlain(join(absolute, 'HEAD'))
  const common = await readPlain(join(absolute, 'commondir'))
  const whole = /^(?:ref: \S+|[0-9a-f]{40,64})\s*$/.test(head) && common !== '' && existsSync(join(absolute, 'index'))
  return whole ? { path, gitDir: absolute } : null
}

/** A regular file's text; empty for anything else, so that reading never blocks on a pipe or follows a link. */
async function readPlain(path: string): Promise<string> {
  const found = await lstat(path).catch(() => null)
  return found?.isFile() ? readFile(path, 'utf8').catch(() => '') : ''
}

/** The folder with git's worktree entries. */
async function notesFolder(root: string): Promise<string> {
  return join(await commonDirOf(root), 'worktrees')
}

/** The paths that git may have stored for the worktree at `path`. */
async function namesOf(path: string): Promise<readonly string[]> {
  const real = join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path))
  return [join(path, '.git'), join(real, '.git')]
}

/**
 * Removes a worktree and git's entry for it; no error if they are gone. Does not use git: `git worktree remove` refuses a
 * folder that is gone, half created or no longer git's, and `git worktree prune` would also remove entries of the user's own
 * worktrees.
 */
export async function removeWorktree(root: string, path: string, folder: string): Promise<void> {
  await removeTree(path)
  await changeList(root, folder, () => discardNotes(root, path))
}

async function discardNotes(root: string, path: string): Promise<void> {
  const notes = await notesFolder(root)
  const names = await namesOf(path)
  for (const name of await readdir(notes).catch(() => [])) {
    const note = join(notes, name)
    const noted = (await readFile(join(note, 'gitdir'), 'utf8').catch(() => '')).replace(/\n*$/, '')
    if (!names.includes(noted)) continue
    // `gitdir` identifies the entry, so it is removed last: if Belay dies in between, the next call finds the entry again.
    for (const inside of await readdir(note).catch(() => []))
      if (inside !== 'gitdir') await removeTree(join(note, inside))
    await removeTree(note)
  }
  await rmdir(notes).catch(() => {}) // like git, remove the folder after its last entry; else it is not empty
}

/**
 * Sets index and tracked files of one of Belay's worktrees to `commit`, whatever their state. HEAD is set to `branch` (which
 * must exist, and may be at another commit) or, for null, detached at `commit`. Untracked files stay. Removes locks that a
 * killed git left, because no other process works in this checkout.
 */
export async function resetWorktree(worktree: Worktree, commit: string, branch: string | null): Promise<void> {
  const { path, gitDir } = worktree
  await rm(join(gitDir, 'index.lock'), { force: true })
  await rm(join(gitDir, 'HEAD.lock'), { force: true })
  const args =
    branch === null
      ? ['checkout', '--force', '--quiet', '--detach', commit, '--']
      : ['read-tree', '--reset', '-u', commit]
  // Neither command reads what the other writes.
  const [result] = await Promise.all([
    tryGit(args, { cwd: path }),
    branch === null ? null : switchWorktree(worktree, branch),
  ])
  if (result.code === 0) return
  // A damaged index cannot be reset, so it is removed first.
  await rm(join(gitDir, 'index'), { force: true })
  await git(args, { cwd: path })
}

/** Sets HEAD of one of Belay's worktrees to `branch`, which must exist; files stay as they are. */
export async function switchWorktree({ path }: Pick<Worktree, 'path'>, branch: string): Promise<void> {
  await git(['symbolic-ref', 'HEAD', `refs/heads/${branch}`], { cwd: path })
}
