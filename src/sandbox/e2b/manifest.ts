import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { crypto } from '../../core/crypto.ts'

/** Never copied in either direction, because its content makes git run programs. */
export const GIT = '.git'

/** A folder, a link, or a file as it was when both sides had the same. */
export interface Entry {
  /** Kind and content: equal for what is the same on both sides. */
  readonly what: string
  /** Size, times and the like of the host's: equal as long as nothing has changed there. */
  readonly stamp: string
}

/** Entries by path relative to the folder. */
export type Manifest = Map<string, Entry>

/** A change within a folder changes its times; only what is in it counts. */
function stampOf(path: string): string | null {
  const is = lstatSync(path, { throwIfNoEntry: false })
  if (is === undefined) return null
  return is.isDirectory() ? 'folder' : `${is.mode} ${is.size} ${is.mtimeMs} ${is.ctimeMs} ${is.ino}`
}

/** Kind and content of what is at a path; null: nothing, or neither a folder, a link nor a file. Follows no link. */
export function whatIs(path: string): string | null {
  const is = lstatSync(path, { throwIfNoEntry: false })
  if (is?.isDirectory()) return 'folder'
  if (is?.isSymbolicLink()) return `link ${readlinkSync(path)}`
  return is?.isFile() ? `file ${(is.mode & 0o100) === 0 ? '' : 'x '}${hashOf(path)}` : null
}

/** The entry for what is at a path of the host; `what` as far as it is known already. */
export function entryOf(path: string, what = whatIs(path)): Entry | null {
  const stamp = stampOf(path)
  return what === null || stamp === null ? null : { what, stamp }
}

/** What is in a folder. Files that have not changed since `known` are not read. `skip`: paths that are left out. */
export function scan(folder: string, skip: ReadonlySet<string>, known: Manifest | undefined): Manifest {
  const found: Manifest = new Map()
  const walk = (at: string): void => {
    for (const name of readdirSync(at === '' ? folder : join(folder, at))) {
      const path = join(at, name)
      const host = join(folder, path)
      if (name === GIT || skip.has(host)) continue
      const before = known?.get(path)
      // The stamp first: content that changes while it is read is then read again.
      const stamp = stampOf(host)
      if (stamp === null) continue
      const what = before?.stamp === stamp ? before.what : whatIs(host)
      if (what === null) continue
      found.set(path, { what, stamp })
      if (what === 'folder') walk(path)
    }
  }
  walk('')
  return found
}

export function isEqual(one: Manifest, other: Manifest): boolean {
  return one.size === other.size && [...one].every(([path, { stamp }]) => other.get(path)?.stamp === stamp)
}

/** What was the same before and after something, and therefore all the time. */
export function unchanged(before: Manifest, after: Manifest): Manifest {
  return new Map([...before].filter(([path, { stamp }]) => after.get(path)?.stamp === stamp))
}

function hashOf(path: string): string {
  const hash = crypto().createHash('sha256')
  const piece = new Uint8Array(1024 * 1024)
  const file = openSync(path, 'r')
  try {
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece)) {
      hash.update(piece.subarray(0, count))
    }
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}
