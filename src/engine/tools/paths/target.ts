import { readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { BelayError } from '../../../core/errors.ts'

const MAX_LINKS = 40

/**
 * The real path that `path` (absolute) leads to now. Parts that do not exist yet are kept, and dangling links are followed.
 * Throws `path_refused` for too many links, or the file system's error.
 */
export function targetOf(path: string, links = 0): string {
  try {
    return realpathSync.native(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  if (links > MAX_LINKS) throw new BelayError('path_refused', 'too many symbolic links')
  const folder = targetOf(dirname(path), links)
  const link = linkAt(join(folder, basename(path)))
  return link === null ? join(folder, basename(path)) : targetOf(resolve(folder, link), links + 1)
}

function linkAt(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null // not a link, or not there
  }
}
