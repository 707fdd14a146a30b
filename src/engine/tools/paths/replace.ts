import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fdatasyncSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { BelayError } from '../../../core/errors.ts'
import { randomId } from '../../../core/ids.ts'
import { isUnchanged, statIn, type Spot } from './open.ts'

/**
 * Puts `bytes` at the spot in one step: whoever reads it sees the old or the new content whole. The mode of what was there
 * stays, `secret` files are for their owner only. Throws `file_changed` when the file is no longer what the spot saw, and
 * what the file system says; then nothing has changed.
 */
export function replaceFile(spot: Spot, bytes: Uint8Array, secret: boolean): void {
  const { folder, name, stat } = spot
  const temporary = `.belay-${randomId(12)}.tmp`
  const fd = openSync(
    folder.at(temporary),
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    secret ? 0o600 : 0o666,
  )
  try {
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
    folder.where()
    if (!isUnchanged(statIn(folder, name), stat)) {
      throw new BelayError('file_changed', `${spot.path} was changed by something else meanwhile`, {
        next: 'read it again',
      })
    }
    renameSync(folder.at(temporary), folder.at(name))
  } catch (error) {
    unlinkSync(folder.at(temporary))
    throw error
  }
}

function keepOwner(fd: number, uid: bigint, gid: bigint): void {
  if (Number(uid) === process.getuid?.() && Number(gid) === process.getgid?.()) return
  try {
    fchownSync(fd, Number(uid), Number(gid))
  } catch (error) {
    // Only root can give files away; the content is what was asked for.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}
