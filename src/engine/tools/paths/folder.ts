/**
 * Folders held open, so that nobody can swap them for a link between a check and its use. On Linux, a path through
 * `/proc/self/fd/N` stays inside the folder that was opened, even if it is moved. Elsewhere the real path is used, and compared
 * with the open folder before and after.
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

/** Not among Node's constants. Opens the folder as a location only, for which search permission is enough. */
const O_PATH = 0o10000000

const PROC = process.platform === 'linux' && existsSync('/proc/self/fd')

/** How folders are held: `proc` if the kernel can name an open folder, otherwise `compare`. */
export type Holding = 'proc' | 'compare'

export const HOLDING: Holding = PROC ? 'proc' : 'compare'

/**
 * With `compare` the path is looked up twice, and a swap between the two goes unseen. Repeating the check means that an
 * attacker has to hit that moment every time.
 */
const LOOKS = 16

/** An open folder. Whoever opened it must close it. */
export interface Folder {
  /** The path to use for `name` (one name, not a path) in the folder, or for the folder itself with `.`. */
  at(name: string): string
  /** The folder's real path now. Throws `path_moved` if it was removed or (`compare`) is no longer at its path. */
  where(): string
  /** Opens the subfolder `name`, never through a link. Throws the file system's error. */
  child(name: string): Folder
  close(): void
}

/** Opens the folder at the real path `real`. Throws if there is none, or if its last part is a link. */
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

/** Whether two stats are of the same file. */
export function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.dev === b.dev && a.ino === b.ino
}

function moved(path: string): BelayError {
  return new BelayError('path_moved', `the folder was moved or removed meanwhile: ${path}`)
}
