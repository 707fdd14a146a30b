import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { FolderCache } from './folder-cache.ts'
import { isWithin, real } from '../paths.ts'

/** The result of searching folders for repositories. */
export interface FoundGitDirs {
  /** Real paths of the git folders (common ones included) inside the searched folders. */
  readonly gitDirs: ReadonlySet<string>
  /** Whether the limit was reached before all folders were searched. */
  readonly cut: boolean
}

/** Searched after all others: they contain many folders, and nobody works in them. */
const LAST = new Set(['node_modules', '.venv', 'venv', 'target', 'vendor', '.cache'])

/** The number of folders after which other work gets a turn. */
const AT_ONCE = 250

/**
 * Searches `roots` for everything that git takes for a repository when it is run there: `.git` folders, bare repositories, and
 * the targets of `.git` files and links. Follows no link to a folder. Searches at most `limit` folders, shallow ones first.
 * `memory`: the cache of an earlier search, which makes this one fast if little has changed.
 */
export async function findGitDirs(
  roots: readonly string[],
  limit: number,
  memory = new FolderCache(),
): Promise<FoundGitDirs> {
  const gitDirs = new Set<string>()
  const add = (path: string): void => {
    const place = real(path)
    if (!gitDirs.has(place) && roots.some((root) => isWithin(place, root)) && isFolder(place)) {
      gitDirs.add(place)
      const common = pointed(join(place, 'commondir'), /^(.+)$/m)
      if (common !== null) add(resolve(place, common))
    }
  }
  let [level, later] = [[...roots], [] as string[]]
  let looked = 0
  while (level.length > 0) {
    const next: string[] = []
    for (const folder of level) {
      if (looked++ >= limit) return { gitDirs, cut: true }
      if (looked % AT_ONCE === 0) await new Promise((resume) => setImmediate(resume))
      const { isGit, dotGit, folders } = memory.look(folder)
      if (isGit) add(folder)
      for (const { path, isFile } of dotGit) {
        const target = isFile ? pointed(path, /^gitdir: (.+)$/m) : path
        if (target !== null) add(resolve(folder, target))
      }
      for (const path of folders) (LAST.has(basename(path)) ? later : next).push(path)
    }
    if (next.length > 0) level = next
    else [level, later] = [later, []]
  }
  return { gitDirs, cut: false }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** The path in a small file; null: it is not such a file. */
function pointed(file: string, pattern: RegExp): string | null {
  const found = existsSync(file) ? lstatSync(file) : undefined
  if (found === undefined || found.isDirectory() || statSync(file).size > 8192 || !statSync(file).isFile()) return null
  return pattern.exec(readFileSync(file, 'utf8'))?.[1]?.trim() ?? null
}
