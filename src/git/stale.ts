import { existsSync } from 'node:fs'
import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isGitAtWork } from './orphans.ts'

/** Git holds these locks for moments. One that stands as still as this was left by a git that was killed. */
const STILL_MS = 1000
/** The same where nobody can say which processes work in a repository. */
const STILL_UNSEEN_MS = 5000
const POLL_MS = 25

export interface StalePlace {
  readonly root: string
  readonly commonDir: string
  /** Full names of refs, or of folders of refs (ending in `/`), that a Belay that died may have been moving. */
  readonly refs: readonly string[]
}

/**
 * Removes what a git that was killed together with its Belay left in a repository and what would stop every later git: locks
 * of the named refs and of the packed refs, and worktrees that it had only begun to make. Only what stands still for a
 * while, and only while no git works in this repository; a lock that somebody uses stays. Returns what was removed.
 */
export async function removeStale(place: StalePlace): Promise<string[]> {
  const found = [...(await refLocks(place)), ...packedLocks(place), ...(await halfMade(place))]
  const removed: string[] = []
  if (found.length === 0) return removed
  const folders = [place.root, place.commonDir]
  for (const path of await standing(found, folders)) {
    await rm(path, { recursive: true, force: true })
    removed.push(path)
  }
  await rmdir(join(place.commonDir, 'worktrees')).catch(() => {}) // not empty, or not there
  return removed
}

async function refLocks({ commonDir, refs }: StalePlace): Promise<string[]> {
  const found: string[] = []
  for (const ref of refs) {
    if (!ref.endsWith('/')) {
      const lock = join(commonDir, `${ref}.lock`)
      if (existsSync(lock)) found.push(lock)
      continue
    }
    const folder = join(commonDir, ref)
    const entries = await namesIn(folder, true)
    found.push(...entries.filter((name) => name.endsWith('.lock')).map((name) => join(folder, name)))
  }
  return found
}

/** Git takes away folders that become empty, also while they are read: then it is read again. */
async function namesIn(folder: string, recursive: boolean): Promise<readonly string[]> {
  while (existsSync(folder)) {
    try {
      return await readdir(folder, { recursive })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return []
}

function packedLocks({ commonDir }: StalePlace): string[] {
  return ['packed-refs.lock', 'packed-refs.new'].map((name) => join(commonDir, name)).filter(existsSync)
}

/** Folders of worktrees without a path: git notes the path right after it made the folder, and forgets those without one. */
async function halfMade({ commonDir }: StalePlace): Promise<string[]> {
  const folder = join(commonDir, 'worktrees')
  const names = await namesIn(folder, false)
  const found: string[] = []
  for (const name of names) {
    const noted = await stat(join(folder, name, 'gitdir')).catch(() => null)
    if (noted === null || noted.size === 0) found.push(join(folder, name))
  }
  return found
}

/** Those of `paths` that nothing changes for the time it takes to be sure; none while some git works here. */
async function standing(paths: readonly string[], folders: readonly string[]): Promise<string[]> {
  const before = await signatures(paths)
  const still = isGitAtWork(folders) === null ? STILL_UNSEEN_MS : STILL_MS
  for (const deadline = performance.now() + still; performance.now() < deadline;) {
    if (isGitAtWork(folders) === true) return []
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  const after = await signatures(paths)
  return paths.filter((path) => before.get(path) !== undefined && before.get(path) === after.get(path))
}

async function signatures(paths: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const path of paths) {
    const seen = await stat(path).catch(() => null)
    if (seen) found.set(path, [seen.ino, seen.size, seen.mtimeMs, seen.ctimeMs].join(' '))
  }
  return found
}
