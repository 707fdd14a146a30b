import { existsSync } from 'node:fs'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gitFailed, tryGit } from '../run.ts'
import { gitDirOf } from '../git-dir.ts'
import { withWholeNotes } from '../worktrees.ts'

/** A checkout that has the branch. */
export interface Checkout {
  readonly root: string
  readonly gitDir: string
}

export interface Checkouts {
  readonly here: readonly Checkout[]
  /** Checkouts whose folder cannot be reached now (a drive that is not mounted), by path. */
  readonly away: readonly string[]
}

/** Every checkout of the repository in which the branch `ref` is checked out. */
export async function checkoutsOf(root: string, ref: string): Promise<Checkouts> {
  const args = ['worktree', 'list', '--porcelain', '-z']
  const result = await withWholeNotes(() => tryGit(args, { cwd: root }))
  if (result.code !== 0) throw gitFailed(args, result)
  const here: Checkout[] = []
  const away: string[] = []
  for (const block of result.stdout.toString('utf8').split('\0\0')) {
    const lines = block.split('\0')
    const path = lines.find((line) => line.startsWith('worktree '))?.slice('worktree '.length)
    if (path === undefined || !lines.includes(`branch ${ref}`)) continue
    const top = await topOf(path, root)
    if (top !== null) here.push({ root: top, gitDir: await gitDirOf(top) })
    else if (!lines.some((line) => line.startsWith('prunable'))) away.push(path)
  }
  return { here, away }
}

/**
 * The top of the checkout that git lists as `path`; null when it cannot be reached. Where the repository lies apart from its
 * checkout (a submodule, --separate-git-dir) git lists the repository; which checkout is its own, `root` or its
 * configuration tells.
 */
async function topOf(path: string, root: string): Promise<string | null> {
  if (!existsSync(path)) return null
  if (existsSync(join(path, '.git')) || !existsSync(join(path, 'HEAD'))) return path
  if ((await gitDirOf(root)) === (await realpath(path))) return root
  const named = await tryGit(['config', '--file', join(path, 'config'), 'core.worktree'], { cwd: root })
  const top = resolve(path, named.stdout.toString('utf8').replace(/\n$/, ''))
  return named.code === 0 && existsSync(join(top, '.git')) ? top : null
}

const UNFINISHED: readonly (readonly [string, string])[] = [
  ['MERGE_HEAD', 'a merge'],
  ['CHERRY_PICK_HEAD', 'a cherry-pick'],
  ['REVERT_HEAD', 'a revert'],
  ['rebase-merge', 'a rebase'],
  ['rebase-apply', 'a rebase or git am'],
  ['sequencer', 'a cherry-pick or revert'],
  ['BISECT_START', 'a bisect'],
]

/** What the user is in the middle of in a checkout, or null. */
export function unfinished(gitDir: string): string | null {
  return UNFINISHED.find(([file]) => existsSync(join(gitDir, file)))?.[1] ?? null
}

/** The folders of linked worktrees in the repository, whole or not. */
export async function linkedGitDirs(commonDir: string): Promise<string[]> {
  const names = await readdir(join(commonDir, 'worktrees')).catch(() => [])
  return names.map((name) => join(commonDir, 'worktrees', name))
}

/**
 * Whether some checkout is in the middle of rebasing or bisecting `ref`: its HEAD is detached, but it will come back to the
 * branch.
 */
export async function isBeingRewritten(gitDirs: readonly string[], ref: string): Promise<boolean> {
  for (const gitDir of gitDirs) {
    for (const file of ['rebase-merge/head-name', 'rebase-apply/head-name', 'BISECT_START']) {
      const name = (await readFile(join(gitDir, file), 'utf8').catch(() => '')).trim()
      if (name === ref || `refs/heads/${name}` === ref) return true
    }
  }
  return false
}

/** The ref that HEAD of a checkout names, read without git; null when detached. */
export async function headRef(gitDir: string): Promise<string | null> {
  return /^ref: (.+?)\s*$/.exec(await readFile(join(gitDir, 'HEAD'), 'utf8'))?.[1] ?? null
}
