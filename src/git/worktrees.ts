import { existsSync } from 'node:fs'
import { lstat, readFile, readdir, realpath, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { removeTree } from './remove-tree.ts'
import { alone, meetingPoint } from './alone.ts'
import { commonDirOf } from './common-dir.ts'
import { git, gitFailed, tryGit, type GitResult } from './run.ts'

/** A checkout of Belay's own, with the folder where git keeps its HEAD and index. */
export interface Worktree {
  readonly path: string
  readonly gitDir: string
}

/**
 * Git changes its list of worktrees without a lock of its own, and dies of an entry that is half made: Belay's processes
 * change it one at a time. `folder` is Belay's, outside the repository, the same for all of them.
 */
export function worktreesLock(folder: string, commonDir: string): string {
  return meetingPoint(folder, commonDir, 'worktrees')
}

async function changeList<T>(root: string, folder: string, work: () => Promise<T>): Promise<T> {
  return alone(worktreesLock(folder, await commonDirOf(root)), work)
}

/**
 * Makes a worktree at `path`, detached at `commit`, or takes the one that is there; what a crash left half made is made
 * anew. Files are as in `commit` afterwards only for a new one. `folder`: see `worktreesLock`.
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
    // Filling it takes its time, and happens outside the lock.
    const args = ['worktree', 'add', '--no-checkout', '--detach', '--lock', '--quiet', path, commit]
    const result = await withWholeNotes(() => tryGit(args, { cwd: root }))
    if (result.code !== 0) throw gitFailed(args, result)
  })
  await git(['reset', '--hard', '--quiet'], { cwd: path })
  const made = await openWorktree(root, path)
  if (!made) throw new Error(`git made no worktree at ${path}`)
  return { ...made, fresh: true }
}

// The note had no common folder yet, or went away while git followed it.
const HALF_MADE = /failed to read .*worktrees\/.*\/commondir|Invalid path '.*\/worktrees\/[^/]*'/
const ROUNDS = 10

/** Runs a git command that reads the list of worktrees again when it met an entry that the user's git was just making. */
export async function withWholeNotes(command: () => Promise<GitResult>): Promise<GitResult> {
  for (let round = 1; ; round++) {
    const result = await command()
    if (result.code === 0 || round === ROUNDS || !HALF_MADE.test(result.stderr)) return result
    await new Promise((done) => setTimeout(done, 10 * round))
  }
}

/**
 * The worktree at `path`, or null when there is none that is whole. An agent may have written its `.git`: only a git folder
 * of this repository that was made for exactly this path is taken, never the user's own.
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
  // After a power cut a file may be there without its content.
  const head = await readPlain(join(absolute, 'HEAD'))
  const common = await readPlain(join(absolute, 'commondir'))
  const whole = /^(?:ref: \S+|[0-9a-f]{40,64})\s*$/.test(head) && common !== '' && existsSync(join(absolute, 'index'))
  return whole ? { path, gitDir: absolute } : null
}

/** A regular file's text; empty for anything else, so that nothing waits at a pipe or follows a link. */
async function readPlain(path: string): Promise<string> {
  const found = await lstat(path).catch(() => null)
  return found?.isFile() ? readFile(path, 'utf8').catch(() => '') : ''
}

/** Where git keeps its notes of worktrees. */
async function notesFolder(root: string): Promise<string> {
  return join(await commonDirOf(root), 'worktrees')
}

/** What git may call the worktree at `path` in its notes. */
async function namesOf(path: string): Promise<readonly string[]> {
  const real = join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path))
  return [join(path, '.git'), join(real, '.git')]
}

/**
 * Removes a worktree and git's note of it; nothing happens when it is gone. Without git's help: the folder may be gone, half
 * made or not git's any more, all of which `git worktree remove` refuses, and `git worktree prune` would also take notes of
 * the user's own worktrees.
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
    // What says whose it is goes last: a Belay that dies in here finds it again.
    for (const inside of await readdir(note).catch(() => []))
      if (inside !== 'gitdir') await removeTree(join(note, inside))
    await removeTree(note)
  }
  await rmdir(notes).catch(() => {}) // the last one takes the folder with it, as git does it; else it is not empty
}

/**
 * Puts index and tracked files of one of Belay's worktrees to `commit`, whatever was there, and HEAD on `branch` (which must
 * exist, and may be at another commit) or, for null, detached at `commit`. Files that git does not track stay. Locks that a
 * killed git left are removed: nobody else works in this checkout.
 */
export async function resetWorktree(worktree: Worktree, commit: string, branch: string | null): Promise<void> {
  const { path, gitDir } = worktree
  await rm(join(gitDir, 'index.lock'), { force: true })
  await rm(join(gitDir, 'HEAD.lock'), { force: true })
  const args =
    branch === null
      ? ['checkout', '--force', '--quiet', '--detach', commit, '--']
      : ['read-tree', '--reset', '-u', commit]
  // Neither looks at what the other writes.
  const [result] = await Promise.all([
    tryGit(args, { cwd: path }),
    branch === null ? null : switchWorktree(worktree, branch),
  ])
  if (result.code === 0) return
  // A damaged index cannot be reset: begin with none.
  await rm(join(gitDir, 'index'), { force: true })
  await git(args, { cwd: path })
}

/** Puts HEAD of one of Belay's worktrees on `branch`, which must exist; files stay as they are. */
export async function switchWorktree({ path }: Pick<Worktree, 'path'>, branch: string): Promise<void> {
  await git(['symbolic-ref', 'HEAD', `refs/heads/${branch}`], { cwd: path })
}
