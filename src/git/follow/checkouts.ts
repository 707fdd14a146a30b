import { existsSync } from 'node:fs'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { gitFailed, tryGit } from '../run.ts'
import { gitDirOf } from '../git-dir.ts'
import { withWholeNotes } from '../worktrees.ts'

/** A checkout in which the branch is checked out. */
export interface Checkout {
  readonly root: string
  readonly gitDir: string
}

export interface Checkouts {
  readonly here: readonly Checkout[]
  /** Paths of checkouts whose folder cannot be reached now, for example on an unmounted drive. */
  readonly away: readonly string[]
}

/** Every checkout of the repository in which the branch `ref` is checked out. Throws if git fails. */
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
 * The top folder of the checkout that git lists as `path`; null: it cannot be reached. If the repository is apart from its
 * checkout (a submodule, --separate-git-dir), git lists the repository. Its checkout is then `root`, or the folder that its
 * configuration names.
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

/** The operation that the user has not finished in a checkout, or null. */
export function unfinished(gitDir: string): string | null {
  return UNFINISHED.find(([file]) => existsSync(join(gitDir, file)))?.[1] ?? null
}

/** The git folders of the repository's linked worktrees, intact or not. */
export async function linkedGitDirs(commonDir: string): Promise<string[]> {
  const names = await readdir(join(commonDir, 'worktrees')).catch(() => [])
  return names.map((name) => join(commonDir, 'worktrees', name))
}

/**
 * Whether some checkout is in the middle of rebasing or bisecting `ref`. Its HEAD is detached then, but will return to the
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

/** The ref that a checkout's HEAD names, read without git; null: detached. */
export async function headRef(gitDir: string): Promise<string | null> {
  return /^ref: (.+?)\s*$/.exec(await readFile(join(gitDir, 'HEAD'), 'utf8'))?.[1] ?? null
}
