import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegular } from '../core/regular-file.ts'

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

/** Larger files count as missing. A committed program of this size has no text that decides about a gate. */
const MOST_BYTES = 128 << 20

/** The files below `root` as they are on disk. `read` follows links to files; `list` leaves out dependency folders and links. */
export function folderFiles(root: string): TreeFiles {
  let listed: Promise<readonly string[]> | undefined
  return {
    async read(path) {
      try {
        const file = await readRegular(await realpath(join(root, path)), MOST_BYTES)
        return file?.bytes?.toString('utf8') ?? null
      } catch {
        return null // missing, or not readable for us
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
