/**
 * Folders held open, so that nobody can swap them for a link between a check and what follows it. On Linux a path through
 * `/proc/self/fd/N` is inside of exactly the folder that was opened, wherever it has been moved to since. Elsewhere the real
 * path is used, and compared with the open folder before and after.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  type BigIntStats,
} from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../../core/errors.ts'

/** Not among Node's constants: the folder only as a place, for which search permission is enough. */
const O_PATH = 0o10000000

const PROC = process.platform === 'linux' && existsSync('/proc/self/fd')

/** How folders are held: `proc` where the kernel can name an open folder, `compare` elsewhere. */
export type Holding = 'proc' | 'compare'

export const HOLDING: Holding = PROC ? 'proc' : 'compare'

/**
 * Without a name for the open folder itself a path must be looked at twice, and a swap just in between goes unseen. It would have
 * to come at this very moment every time.
 */
const LOOKS = 16

/** An open folder; belongs to whoever opened it. */
export interface Folder {
  /** The path to use for `name` (one name, not a path) in it; `.` for itself. */
  at(name: string): string
  /** Its real path now. Throws `path_moved` when it is no longer the one that was opened, or was removed. */
  where(): string
  /** The folder `name` in it, never through a link. Throws what the file system says. */
  child(name: string): Folder
  close(): void
}

/** Opens the folder at the real path `real`; throws when it is none, or when its last part is a link. */
export function openFolder(real: string, holding: Holding = HOLDING): Folder {
  const fd = openSync(real, constants.O_DIRECTORY | constants.O_NOFOLLOW | (holding === 'proc' ? O_PATH : 0))
  return holding === 'proc' ? held(fd) : compared(fd, real)
}

function held(fd: number): Folder {
  const self = `/proc/self/fd/${fd}`
  return {
    at: (name) => `${self}/${name}`,
    where() {
      const path = readlinkSync(self)
      if (path.endsWith(' (deleted)') && !existsSync(path)) throw moved(path)
      return path
    },
    child: (name) => openFolder(`${self}/${name}`, 'proc'),
    close: () => closeSync(fd),
  }
}

function compared(fd: number, real: string): Folder {
  const opened = fstatSync(fd, { bigint: true })
  return {
    at: (name) => join(real, name),
    where() {
      for (let look = 0; look < LOOKS; look++) {
        if (realpathSync.native(real) !== real || !isSame(lstatSync(real, { bigint: true }), opened)) throw moved(real)
      }
      return real
    },
    child: (name) => openFolder(join(real, name), 'compare'),
    close: () => closeSync(fd),
  }
}

/** Whether two looks saw the same file. */
export function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino
}

function moved(path: string): BelayError {
  return new BelayError('path_moved', `the folder was moved or removed meanwhile: ${path}`)
}
