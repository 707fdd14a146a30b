import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { FolderCache } from './folder-cache.ts'
import { isWithin, real } from '../paths.ts'

/** What a look through folders found. */
export interface FoundGitDirs {
  /** Real paths of git folders, common ones among them, that lie in the folders looked through. */
  readonly gitDirs: ReadonlySet<string>
  /** Not all folders were looked at. */
  readonly cut: boolean
}

/** Looked at after all others: they are many, and nobody works in them. */
const LAST = new Set(['node_modules', '.venv', 'venv', 'target', 'vendor', '.cache'])

/** Folders after which others have their turn. */
const AT_ONCE = 250

/**
 * Looks for everything in `roots` that git takes for a repository when it is run there: `.git` folders, bare repositories, and
 * what `.git` files and links lead to. Follows no link to a folder. Looks at `limit` folders at most, the shallow ones first.
 * `memory`: of an earlier look, which makes this one quick where little changed.
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

/** What a small file leads to; null when it is not one. */
function pointed(file: string, pattern: RegExp): string | null {
  const found = existsSync(file) ? lstatSync(file) : undefined
  if (found === undefined || found.isDirectory() || statSync(file).size > 8192 || !statSync(file).isFile()) return null
  return pattern.exec(readFileSync(file, 'utf8'))?.[1]?.trim() ?? null
}
