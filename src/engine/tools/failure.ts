import { BelayError, messageOf } from '../../core/errors.ts'

/** Error codes that folders, disks and paths can be expected to cause. Any other code is a bug and is thrown. */
const FILE_ERRORS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'that is a folder',
  EEXIST: 'it exists already',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EFBIG: 'the file would be too big',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
  EBUSY: 'it is in use',
  ETXTBSY: 'the program is running',
  EIO: 'the disk failed',
  ENXIO: 'that is no file',
  EINVAL: 'the name is not valid',
}

/** The sentence for an expected failure. Throws `error` itself if it is a bug. */
export function failureOf(error: unknown): string {
  if (error instanceof BelayError) {
    const { message, next } = error
    return next === null ? message : `${message} (${next})`
  }
  const { code, path } = (error ?? {}) as { code?: string; path?: string }
  const known = code === undefined ? undefined : FILE_ERRORS[code]
  if (known === undefined) throw error
  return path === undefined || path.startsWith('/proc/') ? known : `${known}: ${messageOf(error)}`
}
