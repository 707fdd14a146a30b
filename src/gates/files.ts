import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Reads the files of one tree. Paths are relative to the repository root, with `/` as separator. */
export interface TreeFiles {
  /** The file's text; null: there is no such file. */
  read(path: string): Promise<string | null>
  /** Every file's path, sorted. */
  list(): Promise<readonly string[]>
}

/** Folders without anything written by a person. */
const SKIPPED = new Set([
  '.git',
  'node_modules',
  '.venv',
  'venv',
  '__pycache__',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.gradle',
  '.cache',
])

/** After this many files no further folder is listed. */
const MOST_ENTRIES = 300_000

/** The files below `root` as they are on disk. `list` leaves out dependency folders and links. */
export function folderFiles(root: string): TreeFiles {
  let listed: Promise<readonly string[]> | undefined
  return {
    async read(path) {
      try {
        return await readFile(join(root, path), 'utf8')
      } catch {
        return null // missing, not a file, or not readable for us
      }
    },
    list() {
      listed ??= walk(root).then((paths) => paths.sort())
      return listed
    },
  }
}

async function walk(root: string): Promise<string[]> {
  const found: string[] = []
  const folders = ['']
  for (let folder = folders.pop(); folder !== undefined && found.length < MOST_ENTRIES; folder = folders.pop()) {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []) // gone, or unreadable
    for (const entry of entries) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) folders.push(path)
      } else if (entry.isFile()) {
        found.push(path)
      }
    }
  }
  return found
}
