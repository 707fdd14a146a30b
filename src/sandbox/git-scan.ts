import { existsSync, lstatSync, readFileSync, statSync, type Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isWithin, real } from './secrets.ts'

/** What a look through folders found. */
export interface FoundGitDirs {
  /** Real paths of git folders, common ones among them, that lie in the folders looked through. */
  readonly gitDirs: ReadonlySet<string>
  /** Not all folders were looked at. */
  readonly cut: boolean
}

/** Looked at after all others: they are many, and nobody works in them. */
const LAST = new Set(['node_modules', '.venv', 'venv', 'target', 'vendor', '.cache'])

/**
 * Looks for everything in `roots` that git takes for a repository when it is run there: `.git` folders, bare repositories, and
 * what `.git` files and links lead to. Follows no link to a folder. Looks at `limit` folders at most, the shallow ones first.
 */
export async function findGitDirs(roots: readonly string[], limit: number): Promise<FoundGitDirs> {
  const gitDirs = new Set<string>()
  const add = (path: string): void => {
    const place = real(path)
    if (!gitDirs.has(place) && roots.some((root) => isWithin(place, root)) && isFolder(place)) {
      gitDirs.add(place)
      const common = pointed(join(place, 'commondir'), /^(.+)$/m)
      if (common !== null) add(resolve(place, common))
    }
  }
  const queue = [...roots]
  const later: string[] = []
  let looked = 0
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift() ?? later.shift()) {
    if (looked++ >= limit) return { gitDirs, cut: true }
    const entries = await entriesOf(folder)
    const names = new Set(entries.map((entry) => entry.name.toLowerCase()))
    const isGit = (names.has('objects') && names.has('refs')) || (names.has('head') && names.has('commondir'))
    if (isGit) add(folder)
    for (const entry of entries) {
      const path = join(folder, entry.name)
      if (entry.name.toLowerCase() === '.git') {
        const target = entry.isFile() ? pointed(path, /^gitdir: (.+)$/m) : path
        if (target !== null) add(resolve(folder, target))
      }
      if (!entry.isDirectory() || (isGit && entry.name === 'objects')) continue
      if (LAST.has(entry.name)) later.push(path)
      else queue.push(path)
    }
  }
  return { gitDirs, cut: false }
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch {
    return [] // gone since, or nobody's to read: then git does not read it either
  }
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
