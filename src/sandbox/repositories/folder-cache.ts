import { lstatSync, readdirSync, type Dirent } from 'node:fs'
import { join } from 'node:path'

/** What of a folder a look for repositories wants to know. */
export interface FolderLook {
  /** It has what makes git take it for a repository itself. */
  readonly isGit: boolean
  /** What is called `.git` in it. */
  readonly dotGit: readonly { readonly path: string; readonly isFile: boolean }[]
  /** The folders in it that are to be looked at, links not among them. */
  readonly folders: readonly string[]
}

interface Kept {
  readonly dev: number
  readonly ino: number
  readonly changed: number
  readonly look: FolderLook
}

/** File systems count time in steps of up to this: what was changed so shortly before may change again and look the same. */
const STEP_MS = 2000
const MOST = 50_000
const NOTHING: FolderLook = { isGit: false, dotGit: [], folders: [] }

/**
 * Reads folders, and those that did not change since not again. What changed is known by the time that the kernel itself keeps
 * (ctime), which no program can set; only names are kept, what is in files is never.
 */
export class FolderCache {
  readonly #kept = new Map<string, Kept>()

  /** Nothing where there is no folder, or none of ours to read: then git does not read it either. */
  look(folder: string): FolderLook {
    try {
      const now = Date.now()
      // Before it is read: what changes meanwhile makes it differ the next time.
      const found = lstatSync(folder, { throwIfNoEntry: false })
      if (found === undefined || !found.isDirectory()) return NOTHING
      const { dev, ino, ctimeMs: changed } = found
      const kept = this.#kept.get(folder)
      if (kept !== undefined && kept.dev === dev && kept.ino === ino && kept.changed === changed) return kept.look
      const look = read(folder)
      if (this.#kept.size >= MOST) this.#kept.clear()
      if (now - changed > STEP_MS) this.#kept.set(folder, { dev, ino, changed, look })
      else this.#kept.delete(folder)
      return look
    } catch {
      return NOTHING
    }
  }
}

function read(folder: string): FolderLook {
  const entries = readdirSync(folder, { withFileTypes: true })
  const names = new Set(entries.map((entry) => entry.name.toLowerCase()))
  const isGit = (names.has('objects') && names.has('refs')) || (names.has('head') && names.has('commondir'))
  const path = (entry: Dirent): string => join(folder, entry.name)
  return {
    isGit,
    dotGit: entries
      .filter((entry) => entry.name.toLowerCase() === '.git')
      .map((entry) => ({ path: path(entry), isFile: entry.isFile() })),
    folders: entries.filter((entry) => entry.isDirectory() && !(isGit && entry.name === 'objects')).map(path),
  }
}
