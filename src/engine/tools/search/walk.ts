import { closeSync, lstatSync, readFileSync, readdirSync, type Dirent } from 'node:fs'
import { join, relative } from 'node:path'
import type { Folder } from '../paths/folder.ts'
import { openIn, openToList } from '../paths/open.ts'
import { isWithin, type Rules } from '../paths/rules.ts'
import { isIgnored, parseIgnore, type IgnoreFile } from './ignore.ts'

export interface FoundFile {
  /** Relative to where the walk began. */
  readonly path: string
  readonly isLink: boolean
  readonly mtimeMs: number
}

export interface WalkLimits {
  /** `performance.now()` at which it stops. */
  readonly until: number
  /** Files and folders it looks at. */
  readonly entries: number
}

export interface Walked {
  readonly files: readonly FoundFile[]
  /** Why it is not all; null when it is. */
  readonly stopped: 'time' | 'entries' | null
  /** Folders that could not be read. */
  readonly unreadable: number
}

/** Not looked into unless `ignored` is asked for. Git's own is never. */
const HEAVY = new Set(['node_modules'])
const DEPTH_MAX = 100
const IGNORE_FILE_MAX = 1n << 20n

/**
 * The files below the folder `named` that `wanted` wants. Links are named, never followed; every folder is opened in the one
 * before, so that nothing outside is looked at. With `ignored`, also what .gitignore names, and node_modules.
 */
export function walk(
  named: string,
  rules: Rules,
  ignored: boolean,
  wanted: (path: string, name: string) => boolean,
  limits: WalkLimits,
): Walked {
  const { folder: root, path: base } = openToList(named, rules)
  // Ignore files speak of paths from the workspace.
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
      if (name === '.git' || rules.denied.some((denied) => isWithin(join(base, at), denied))) continue
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
      unreadable += 1 // gone, swapped for a link, or not ours to read
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
 * The ignore files of the folders from the workspace down to (not with) `base`; null when `base` itself is ignored: then
 * whoever asks for it wants to see it.
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
    return null // a link, or not ours to read: git does not follow it either
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
