import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Reads the files of one tree. Paths are relative to the repository root, `/` separated. */
export interface TreeFiles {
  /** The file's text, or null when there is no such file. */
  read(path: string): Promise<string | null>
  /** Every file's path, sorted. */
  list(): Promise<readonly string[]>
}

/** Folders that hold nothing a person wrote. */
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

/** Beyond this many entries a folder is not listed further. */
const MOST_ENTRIES = 300_000

/** The files below `root` as they are on disk, without those of dependency folders; links are not followed. */
export function folderFiles(root: string): TreeFiles {
  let listed: Promise<readonly string[]> | undefined
  return {
    async read(path) {
      try {
        return await readFile(join(root, path), 'utf8')
      } catch {
        return null // not there, not a file, or not ours to read
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
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []) // went away, or unreadable
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
