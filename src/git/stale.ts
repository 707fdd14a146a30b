import { existsSync } from 'node:fs'
import { readdir, rm, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isGitAtWork } from './orphans.ts'

/** Git holds these locks for moments. One that is unchanged for this long was left by a killed git. */
const STILL_MS = 1000
/** The same where it is unknown which processes work in a repository. */
const STILL_UNSEEN_MS = 5000
const POLL_MS = 25

export interface StalePlace {
  readonly root: string
  readonly commonDir: string
  /** Full names of refs, or of folders of refs (ending in `/`), that a dead Belay process may have been moving. */
  readonly refs: readonly string[]
}

/**
 * Removes what a git that was killed together with its Belay left behind and what would block every later git: locks of the
 * named refs and of the packed refs, and half-created worktrees. Removes only what does not change for a while, and only while
 * no git works in this repository, so a lock in use stays. Returns the removed paths.
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
  await rmdir(join(place.commonDir, 'worktrees')).catch(() => {}) // not empty, or missing
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

/** Git removes folders that become empty, even while they are read; then the read is repeated. */
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

/** Worktree entries without a path. Git writes the path right after creating the entry, and ignores entries without one. */
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

/** Those of `paths` that do not change for long enough; none while any git works here. */
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
