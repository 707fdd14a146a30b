import { closeSync, lstatSync, readFileSync, readdirSync, type Dirent } from 'node:fs'
import { join, relative } from 'node:path'
import type { Folder } from '../paths/folder.ts'
import { openIn, openToList } from '../paths/open.ts'
import { isKeptFromAgents, isWithin, type Rules } from '../paths/rules.ts'
import { isIgnored, parseIgnore, type IgnoreFile } from './ignore.ts'

export interface FoundFile {
  /** Relative to the folder where the walk began. */
  readonly path: string
  readonly isLink: boolean
  readonly mtimeMs: number
}

export interface WalkLimits {
  /** The `performance.now()` at which the walk stops. */
  readonly until: number
  /** The most files and folders that the walk visits. */
  readonly entries: number
}

export interface Walked {
  readonly files: readonly FoundFile[]
  /** Why the walk is incomplete; null: it is complete. */
  readonly stopped: 'time' | 'entries' | null
  /** Folders that could not be read. */
  readonly unreadable: number
}

/** Not entered unless `ignored` is set. `.git` never is. */
const HEAVY = new Set(['node_modules'])
const DEPTH_MAX = 100
const IGNORE_FILE_MAX = 1n << 20n

/**
 * Finds the files below the folder `named` that `wanted` accepts. Links are listed but never followed. Every folder is opened
 * from its parent, so that nothing outside is visited. `ignored`: include what .gitignore names, and node_modules.
 */
export function walk(
  named: string,
  rules: Rules,
  ignored: boolean,
  wanted: (path: string, name: string) => boolean,
  limits: WalkLimits,
): Walked {
  const { folder: root, path: base } = openToList(named, rules)
  // Ignore rules apply to paths relative to the workspace.
  const prefix =
    isWithin(base, rules.workspace) && base !== rules.workspace ? `${relative(rules.workspace, base)}/` : ''
  const files: FoundFile[] = []
  let stopped: Walked['stopped'] = null
  let unreadable = 0
  let seen = 0
  try {
    const above = ignored ? null : ignoreFilesAbove(base, rules)
    visit(root, '', above, 0)
  } finally {
    root.close()
  }
  return { files, stopped, unreadable }

  function visit(folder: Folder, path: string, above: readonly IgnoreFile[] | null, depth: number): void {
    let entries: Dirent[]
    try {
      entries = readdirSync(folder.at('.'), { withFileTypes: true })
    } catch {
      unreadable += 1
      return
    }
    const isNamed = entries.some(({ name }) => name === '.gitignore')
    const own = above !== null && isNamed ? readIgnoreFile(folder, (prefix + path).replace(/\/$/, '')) : null
    const ignore = above === null || own === null ? above : [...above, own]
    for (const entry of entries) {
      stopped ??= ++seen > limits.entries ? 'entries' : performance.now() > limits.until ? 'time' : null
      if (stopped !== null) return
      const { name } = entry
      const at = path === '' ? name : `${path}/${name}`
      const isFolder = entry.isDirectory()
      if (name === '.git' || isKeptFromAgents(join(base, at), rules)) continue
      if (ignore !== null && ((isFolder && HEAVY.has(name)) || isIgnored(prefix + at, isFolder, ignore))) continue
      if (isFolder) enter(folder, name, at, ignore, depth)
      else if ((entry.isFile() || entry.isSymbolicLink()) && wanted(at, name))
        add(folder, name, at, entry.isSymbolicLink())
    }
  }

  function enter(folder: Folder, name: string, at: string, ignore: readonly IgnoreFile[] | null, depth: number): void {
    let inner: Folder
    try {
      if (depth >= DEPTH_MAX) throw new Error('too deep')
      inner = folder.child(name)
      inner.where()
    } catch {
      unreadable += 1 // deleted, swapped for a link, or not readable
      return
    }
    try {
      visit(inner, at, ignore, depth + 1)
    } finally {
      inner.close()
    }
  }

  function add(folder: Folder, name: string, path: string, isLink: boolean): void {
    const stat = lstatSync(folder.at(name), { throwIfNoEntry: false })
    if (stat) files.push({ path, isLink, mtimeMs: stat.mtimeMs })
  }
}

/**
 * The ignore files of the folders from the workspace down to `base`, without `base` itself. null: `base` is ignored, so whoever
 * names it wants to see its files.
 */
function ignoreFilesAbove(base: string, rules: Rules): readonly IgnoreFile[] | null {
  const inside = relative(rules.workspace, base)
  if (inside === '' || !isWithin(base, rules.workspace)) return []
  const files: IgnoreFile[] = []
  let path = ''
  for (const name of inside.split('/')) {
    const file = ignoreFileAt(join(rules.workspace, path), path, rules)
    if (file !== null) files.push(file)
    path = path === '' ? name : `${path}/${name}`
    if (HEAVY.has(name) || isIgnored(path, true, files)) return null
  }
  return files
}

function ignoreFileAt(folderPath: string, path: string, rules: Rules): IgnoreFile | null {
  try {
    const { folder } = openToList(folderPath, rules)
    try {
      return readIgnoreFile(folder, path)
    } finally {
      folder.close()
    }
  } catch {
    return null // moved meanwhile
  }
}

function readIgnoreFile(folder: Folder, path: string): IgnoreFile | null {
  try {
    return parseIgnore(path, textIn(folder, join(path, '.gitignore')))
  } catch {
    return null // a link, which git does not follow either, or not readable
  }
}

function textIn(folder: Folder, path: string): string {
  const { fd, stat } = openIn(folder, '.gitignore', path)
  try {
    return stat.size > IGNORE_FILE_MAX ? '' : readFileSync(fd, 'utf8')
  } finally {
    closeSync(fd)
  }
}
