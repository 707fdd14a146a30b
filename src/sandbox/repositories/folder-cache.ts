import { lstatSync, readdirSync, type Dirent } from 'node:fs'
import { join } from 'node:path'

/** What the search for repositories needs to know about a folder. */
export interface FolderLook {
  /** Whether git would take the folder itself for a git folder. */
  readonly isGit: boolean
  /** Entries named `.git`, in any case. */
  readonly dotGit: readonly { readonly path: string; readonly isFile: boolean }[]
  /** Subfolders to search, without links. */
  readonly folders: readonly string[]
}

interface Kept {
  readonly dev: number
  readonly ino: number
  readonly changed: number
  readonly look: FolderLook
}

/**
 * File systems may count time in steps of up to this. A folder that changed more recently may change again without a new time.
 */
const STEP_MS = 2000
const MOST = 50_000
const NOTHING: FolderLook = { isGit: false, dotGit: [], folders: [] }

/**
 * Reads folders, and caches those that have not changed. Changes are recognized by the kernel's change time (ctime), which
 * programs cannot set. Only names are cached, never the content of files.
 */
export class FolderCache {
  readonly #kept = new Map<string, Kept>()

  /** Empty if there is no such folder or we may not read it; git does not read it then either. */
  look(folder: string): FolderLook {
    try {
      const now = Date.now()
      // Taken before reading, so that a change during the read makes the next look differ.
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
