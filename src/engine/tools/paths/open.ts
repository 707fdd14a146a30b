/** Opens files that policy has allowed. Every path is checked again, by the real path of the folder that was opened. */
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, type BigIntStats } from 'node:fs'
import { basename, dirname, join, relative, sep } from 'node:path'
import { BelayError } from '../../../core/errors.ts'
import { printable } from '../../../core/text.ts'
import { HOLDING, isSame, openFolder, type Folder, type Holding } from './folder.ts'
import { judgePath, type Rules, type Want } from './rules.ts'
import { targetOf } from './target.ts'

export interface OpenFile {
  /** The caller must close it. */
  readonly fd: number
  readonly stat: BigIntStats
  /** The file's real path when it was opened. */
  readonly path: string
}

/** How often a path may change during an attempt before it fails. */
const TRIES = 5

/** Opens a regular file for reading. Throws `path_refused`, `not_a_file`, or the file system's error. */
export function openToRead(named: string, rules: Rules, holding: Holding = HOLDING): OpenFile {
  for (let tries = 0; ; tries++) {
    const target = targetOf(named)
    allowOrThrow(target, named, 'read', rules)
    if (target === sep) throw notAFile('a folder', target)
    const folder = openFolder(dirname(target), holding)
    try {
      const path = join(folder.where(), basename(target))
      allowOrThrow(path, named, 'read', rules)
      return openIn(folder, basename(target), path)
    } catch (error) {
      // A link has just appeared: find out where it leads now.
      if ((error as NodeJS.ErrnoException).code !== 'ELOOP' || tries >= TRIES) throw error
    } finally {
      folder.close()
    }
  }
}

/** Opens the regular file `name` in an open folder, never through a link and without blocking on a pipe. */
export function openIn(folder: Folder, name: string, path: string): OpenFile {
  const fd = openSync(folder.at(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(fd, { bigint: true })
    if (!stat.isFile()) throw notAFile(stat.isDirectory() ? 'a folder' : 'a device, pipe or socket', path)
    folder.where()
    return { fd, stat, path }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** A folder held open, and a name in it: where a file is to be written. */
export interface Spot {
  readonly folder: Folder
  readonly name: string
  /** The file's real path. */
  readonly path: string
  /** The file that exists there now; null: none. */
  readonly stat: BigIntStats | null
}

/**
 * Opens the folder of the file `named` for writing that file. With `create`, missing folders are made. Throws `path_refused`,
 * `not_a_file`, or the file system's error. The caller must close the folder.
 */
export function openToWrite(named: string, rules: Rules, create: boolean, holding: Holding = HOLDING): Spot {
  const target = targetOf(named)
  allowOrThrow(target, named, 'write', rules)
  if (target === sep) throw notAFile('a folder', target)
  const folder = openParent(dirname(target), create, holding)
  try {
    const path = join(folder.where(), basename(target))
    allowOrThrow(path, named, 'write', rules)
    const stat = statIn(folder, basename(target))
    if (stat !== null && !stat.isFile()) throw notAFile(kindOf(stat), path)
    return { folder, name: basename(target), path, stat }
  } catch (error) {
    folder.close()
    throw error
  }

  function openParent(wanted: string, make: boolean, how: Holding): Folder {
    let there = wanted
    let open: Folder | null = null
    while (open === null) {
      try {
        open = openFolder(there, how)
      } catch (error) {
        if (!make || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
        there = dirname(there)
      }
    }
    const missing = relative(there, wanted).split(sep).filter(Boolean)
    for (const name of missing) {
      const parent: Folder = open
      try {
        allowOrThrow(join(parent.where(), name), named, 'write', rules)
        makeFolder(parent, name)
        open = parent.child(name)
      } finally {
        parent.close()
      }
    }
    return open
  }
}

function makeFolder(parent: Folder, name: string): void {
  try {
    mkdirSync(parent.at(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** The stat of `name` in the folder, without following a link; null: it does not exist. */
export function statIn(folder: Folder, name: string): BigIntStats | null {
  return lstatSync(folder.at(name), { bigint: true, throwIfNoEntry: false }) ?? null
}

/** Whether `a` and `b` are the same file with the same content, judged by size and modification time. */
export function isUnchanged(a: BigIntStats | null, b: BigIntStats | null): boolean {
  if (a === null || b === null) return a === b
  return isSame(a, b) && a.size === b.size && a.mtimeNs === b.mtimeNs
}

/** Opens a folder for listing. Throws `path_refused`, or the file system's error. The caller must close it. */
export function openToList(named: string, rules: Rules, holding: Holding = HOLDING): { folder: Folder; path: string } {
  const target = targetOf(named)
  allowOrThrow(target, named, 'read', rules)
  const folder = openFolder(target, holding)
  try {
    const path = folder.where()
    allowOrThrow(path, named, 'read', rules)
    return { folder, path }
  } catch (error) {
    folder.close()
    throw error
  }
}

function allowOrThrow(target: string, named: string, want: Want, rules: Rules): void {
  const { decision, reason } = judgePath(target, named, want, rules)
  // A person has already been asked about `ask`, before the tool ran.
  if (decision === 'deny') throw new BelayError('path_refused', reason)
}

function notAFile(what: string, path: string): BelayError {
  return new BelayError('not_a_file', `${printable(path)} is ${what}`, { expected: 'a file' })
}

function kindOf(stat: BigIntStats): string {
  return stat.isDirectory()
    ? 'a folder'
    : stat.isSymbolicLink()
      ? 'a link that appeared just now'
      : 'a device, pipe or socket'
}
