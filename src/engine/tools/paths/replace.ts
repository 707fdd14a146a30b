import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BelayError } from '../../../core/errors.ts'
import { randomId } from '../../../core/ids.ts'
import { isUnchanged, statIn, type Spot } from './open.ts'

const TEMPORARY = /^\.belay-\w{12}\.tmp$/

/** Notes about temporary files that are being written, in the session's folder. */
function notesFolder(store: string): string {
  return join(store, 'writing')
}

/**
 * Replaces the file at the spot atomically: a reader sees either the old or the new content. An existing file keeps its mode
 * and, if permitted, its owner; a `secret` file is readable by its owner only. Throws `file_changed` if the file is no longer
 * the one that the spot saw, or the file system's error; the file is then unchanged. A note in `store` lets `sweepWriting`
 * remove the temporary file if Belay is killed.
 */
export function replaceFile(spot: Spot, bytes: Uint8Array, secret: boolean, store: string): void {
  const { folder, name } = spot
  const temporary = `.belay-${randomId(12)}.tmp`
  const note = join(notesFolder(store), temporary)
  mkdirSync(dirname(note), { recursive: true, mode: 0o700 })
  writeFileSync(note, join(dirname(spot.path), temporary), { mode: 0o600, flag: 'wx' })
  try {
    fill(spot, temporary, bytes, secret)
    folder.where()
    if (!isUnchanged(statIn(folder, name), spot.stat)) {
      throw new BelayError('file_changed', `${spot.path} was changed by something else meanwhile`, {
        next: 'read it again',
      })
    }
    renameSync(folder.at(temporary), folder.at(name))
  } catch (error) {
    rmSync(folder.at(temporary), { force: true })
    throw error
  } finally {
    rmSync(note)
  }
}

/** Removes temporary files that a killed Belay left for the session of `store`. Nobody else may be writing for that session. */
export function sweepWriting(store: string): void {
  for (const name of notesIn(store)) {
    const note = join(notesFolder(store), name)
    const path = readFileSync(note, 'utf8')
    // The note itself may be incomplete.
    if (TEMPORARY.test(name) && basename(path) === name) rmSync(path, { force: true })
    rmSync(note)
  }
}

function notesIn(store: string): string[] {
  try {
    return readdirSync(notesFolder(store))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function fill({ folder, stat }: Spot, temporary: string, bytes: Uint8Array, secret: boolean): void {
  const fd = openSync(
    folder.at(temporary),
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    secret ? 0o600 : 0o666,
  )
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
    if (stat !== null) {
      keepOwner(fd, stat.uid, stat.gid)
      fchmodSync(fd, Number(stat.mode & 0o7777n) & (secret ? 0o700 : 0o7777))
    }
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function keepOwner(fd: number, uid: bigint, gid: bigint): void {
  if (Number(uid) === process.getuid?.() && Number(gid) === process.getgid?.()) return
  try {
    fchownSync(fd, Number(uid), Number(gid))
  } catch (error) {
    // Only root can give files away; the new content matters more than the owner.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}
