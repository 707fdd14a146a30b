/** A folder of the project as detectors see it: small, bounded reads that never fail. */
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { isJsonObject } from '../core/json.ts'

/** Manifests are small, and the beginning of a lockfile is enough. */
const MAX_BYTES = 1024 * 1024

/** Entries visited in one search, so that a huge tree costs no more than a small one. */
const MAX_ENTRIES = 4000

/** Folders with other people's code or build output. */
const SKIPPED = new Set([
  'node_modules',
  'vendor',
  'target',
  'dist',
  'build',
  'out',
  'venv',
  'env',
  'bin',
  'obj',
  'coverage',
])

export interface Folder {
  /** Relative to the repository root, separated by `/`; empty for the root. */
  readonly path: string
  has(name: string): boolean
  /** Text of a file (only its beginning if it is very large), or null. */
  text(name: string): string | null
  /** Sorted names in the folder; sub-folders end in `/`. */
  names(): readonly string[]
  /** Paths below the folder, at most `depth` folders deep, whose name `matches`. Hidden and foreign folders are left out. */
  find(depth: number, matches: (name: string) => boolean): readonly string[]
  /** Whether the file has an execute permission. */
  executable(name: string): boolean
  /** A folder in this one. */
  sub(name: string): Folder
}

export function folderAt(root: string, path = ''): Folder {
  const at = join(root, path)
  const folder: Folder = {
    path,
    has: (name) => kindOf(join(at, name)) !== null,
    text: (name) => (kindOf(join(at, name)) === 'file' ? beginning(join(at, name)) : null),
    names: () => entries(at),
    find(depth, matches) {
      const found: string[] = []
      let left = MAX_ENTRIES
      const visit = (inside: string, levels: number): void => {
        for (const name of entries(join(at, inside))) {
          if (left-- <= 0) return
          if (!name.endsWith('/')) {
            if (matches(name)) found.push(`${inside}${name}`)
          } else if (levels > 0 && !isForeign(name)) visit(`${inside}${name}`, levels - 1)
        }
      }
      visit('', depth)
      return found
    },
    executable(name) {
      try {
        return (statSync(join(at, name)).mode & 0o111) !== 0
      } catch {
        return false // gone or inaccessible: then nobody can execute it either
      }
    },
    sub: (name) => folderAt(root, path === '' ? name : `${path}/${name}`),
  }
  return folder
}

/** Whether a folder is hidden, or contains only what other programs put there. */
export function isForeign(name: string): boolean {
  return name.startsWith('.') || SKIPPED.has(name.replace(/\/$/, ''))
}

function kindOf(path: string): 'file' | 'folder' | null {
  try {
    const stat = statSync(path)
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : null
  } catch {
    return null // absent or inaccessible: the same to a detector
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort()
  } catch {
    return [] // absent or inaccessible: the same to a detector
  }
}

function beginning(path: string): string | null {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const buffer = Buffer.alloc(Math.min(MAX_BYTES, statSync(path).size))
    const length = readSync(file, buffer, 0, buffer.length, 0)
    return buffer
      .subarray(0, length)
      .toString('utf8')
      .replace(/^\uFEFF/, '')
  } catch {
    return null // absent or inaccessible: the same to a detector
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

export type Tree = Readonly<Record<string, unknown>>

/** A mapping inside a parsed file; an empty one if the value is none. */
export function tree(value: unknown): Tree {
  return isJsonObject(value) ? value : {}
}

/** The mapping in a JSON file; null if there is no such file or it is not JSON. */
export function jsonOf(folder: Folder, name: string): Tree | null {
  const text = folder.text(name)
  if (text === null) return null
  try {
    return tree(JSON.parse(text))
  } catch {
    return null // a broken file of the project is not ours to report
  }
}

/** The mapping in a TOML file; empty if there is no such file or it is not TOML. */
export function tomlOf(folder: Folder, name: string): Tree {
  try {
    return tree(parseToml(folder.text(name) ?? ''))
  } catch {
    return {} // a broken file of the project is not ours to report
  }
}
