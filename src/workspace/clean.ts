import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gitFailed, tryGit } from '../git/run.ts'
import { GITLINK } from '../git/objects.ts'
import { removeTree } from '../git/remove-tree.ts'

/**
 * Everything in the checkout at `path` that git does not track, ignored or not: the outermost paths, folders end in `/`
 * (nested repositories and empty folders too). What the index holds counts as tracked.
 */
export async function listUntracked(path: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--directory']
  const result = await tryGit(args, { cwd: path })
  if (result.code !== 0) throw gitFailed(args, result)
  return result.stdout.toString('utf8').split('\0').filter(Boolean).sort()
}

/**
 * Removes everything from a checkout of Belay's that git does not track, ignored or not, nested repositories and read-only
 * folders included, except the paths in `keep` (relative; a folder keeps what is in it) and their parents. Links are removed,
 * never followed. Inside submodules the same is done. Tracked files are not touched. Returns what was removed. Files that an
 * agent has added to the index count as tracked: reset the index first.
 */
export async function cleanByproducts(path: string, keep: readonly string[]): Promise<string[]> {
  const kept = keep.map((one) => one.replace(/\/$/, ''))
  const removed: string[] = []
  for (const entry of await listUntracked(path)) await removeExcept(path, entry.replace(/\/$/, ''), kept, removed)
  for (const submodule of await listSubmodules(path)) {
    const inside = kept.flatMap((one) => (one.startsWith(`${submodule}/`) ? [one.slice(submodule.length + 1)] : []))
    const found = await cleanByproducts(join(path, submodule), inside)
    removed.push(...found.map((one) => `${submodule}/${one}`))
  }
  return removed
}

async function removeExcept(top: string, path: string, keep: readonly string[], removed: string[]): Promise<void> {
  if (keep.some((one) => path === one || path.startsWith(`${one}/`))) return
  const full = join(top, path)
  const found = await lstat(full).catch(() => null)
  if (!found) return
  if (found.isDirectory() && keep.some((one) => one.startsWith(`${path}/`))) {
    for (const name of await readdir(full)) await removeExcept(top, `${path}/${name}`, keep, removed)
    return
  }
  await removeTree(full)
  removed.push(path)
}

/** Submodules that have a checkout in the workspace. */
async function listSubmodules(path: string): Promise<string[]> {
  if (!(await lstat(join(path, '.gitmodules')).catch(() => null))) return []
  const args = ['ls-files', '-z', '--stage']
  const result = await tryGit(args, { cwd: path })
  if (result.code !== 0) throw gitFailed(args, result)
  const found: string[] = []
  for (const entry of result.stdout.toString('utf8').split('\0')) {
    const name = entry.startsWith(`${GITLINK} `) ? entry.slice(entry.indexOf('\t') + 1) : ''
    // Without a .git of its own, git in this folder would speak of the outer repository.
    if (name !== '' && (await lstat(join(path, name, '.git')).catch(() => null))?.isFile() === true) found.push(name)
  }
  return found
}
