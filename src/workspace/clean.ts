import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gitFailed, tryGit } from '../git/run.ts'
import { GITLINK } from '../git/objects.ts'
import { removeTree } from '../git/remove-tree.ts'

/**
 * Everything in the checkout at `path` that git does not track, ignored or not: only the outermost paths, and folders end in
 * `/` (including nested repositories and empty folders). Whatever is in the index counts as tracked.
 */
export async function listUntracked(path: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--others', '--directory']
  const result = await tryGit(args, { cwd: path })
  if (result.code !== 0) throw gitFailed(args, result)
  return result.stdout.toString('utf8').split('\0').filter(Boolean).sort()
}

/**
 * Removes everything that git does not track from one of Belay's checkouts, ignored or not, including nested repositories and
 * read-only folders. The paths in `keep` (relative; a folder keeps its contents) and their parents stay. Links are removed and
 * never followed. The same is done inside submodules. Tracked files are not touched. Files that an agent added to the index
 * count as tracked, so reset the index first. Returns what was removed.
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

/** Submodules that are checked out in the workspace. */
async function listSubmodules(path: string): Promise<string[]> {
  if (!(await lstat(join(path, '.gitmodules')).catch(() => null))) return []
  const args = ['ls-files', '-z', '--stage']
  const result = await tryGit(args, { cwd: path })
  if (result.code !== 0) throw gitFailed(args, result)
  const found: string[] = []
  for (const entry of result.stdout.toString('utf8').split('\0')) {
    const name = entry.startsWith(`${GITLINK} `) ? entry.slice(entry.indexOf('\t') + 1) : ''
    // Without a .git of its own, git would report on the outer repository when run in this folder.
    if (name !== '' && (await lstat(join(path, name, '.git')).catch(() => null))?.isFile() === true) found.push(name)
  }
  return found
}
