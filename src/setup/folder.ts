/** A folder of the project as detectors see it: few, small, bounded reads, and no way to fail. */
import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { isJsonObject } from '../core/json.ts'

/** Manifests are small; a lockfile's beginning tells enough. */
const MAX_BYTES = 1024 * 1024

/** Entries looked at in one search, so that a huge tree costs no more than a small one. */
const MAX_ENTRIES = 4000

/** Folders that hold other people's code or nothing of interest. */
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
  /** Relative to the repository root, `/` separated; empty for the root. */
  readonly path: string
  has(name: string): boolean
  /** Text of a file (its beginning, when it is very large), or null. */
  text(name: string): string | null
  /** Names in the folder, sorted; sub-folders end in `/`. */
  names(): readonly string[]
  /** Paths below the folder, at most `depth` folders deep, whose name `matches`; hidden and foreign folders are left out. */
  find(depth: number, matches: (name: string) => boolean): readonly string[]
  /** The file may be executed. */
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
        return false // gone or out of reach: then nobody can execute it either
      }
    },
    sub: (name) => folderAt(root, path === '' ? name : `${path}/${name}`),
  }
  return folder
}

/** Hidden, or full of what other programs put there. */
export function isForeign(name: string): boolean {
  return name.startsWith('.') || SKIPPED.has(name.replace(/\/$/, ''))
}

function kindOf(path: string): 'file' | 'folder' | null {
  try {
    const stat = statSync(path)
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : null
  } catch {
    return null // absent or out of reach: the same to a detector
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
      .sort()
  } catch {
    return [] // absent or out of reach: the same to a detector
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
    return null // absent or out of reach: the same to a detector
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

export type Tree = Readonly<Record<string, unknown>>

/** A mapping inside a parsed file, or an empty one. */
export function tree(value: unknown): Tree {
  return isJsonObject(value) ? value : {}
}

/** A JSON file's mapping; null when there is no such file or it is not JSON. */
export function jsonOf(folder: Folder, name: string): Tree | null {
  const text = folder.text(name)
  if (text === null) return null
  try {
    return tree(JSON.parse(text))
  } catch {
    return null // somebody else's broken file is not ours to report
  }
}

/** A TOML file's mapping; empty when there is no such file or it is not TOML. */
export function tomlOf(folder: Folder, name: string): Tree {
  try {
    return tree(parseToml(folder.text(name) ?? ''))
  } catch {
    return {} // somebody else's broken file is not ours to report
  }
}
