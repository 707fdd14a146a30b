import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

const NO_FILE: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'ELOOP', // a link
  'ENXIO', // a socket, on Linux
  'EOPNOTSUPP', // a socket, on other systems
])

export interface RegularFile {
  /** In bytes, when it was opened. */
  readonly size: number
  /** null: it has more bytes than may be read. */
  readonly bytes: Buffer | null
}

/**
 * Opens a file that somebody else may have made, for reading. null: it is missing, no regular file, or not readable for
 * us. A link as the last name of `path` is not followed, and a pipe is not waited for. Throws the file system's other errors. The
 * caller must close it.
 */
export async function openRegular(path: string): Promise<FileHandle | null> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (NO_FILE.has((error as NodeJS.ErrnoException).code)) return null
    throw error
  }
  try {
    if ((await handle.stat()).isFile()) return handle
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return null
}

/**
 * Reads a file as `openRegular` opens it; null and failures as there. What is appended while it is read is left out, so that a
 * file that grows without end does not fill the memory.
 */
export async function readRegular(path: string, mostBytes: number): Promise<RegularFile | null> {
  const handle = await openRegular(path)
  if (handle === null) return null
  try {
    const { size } = await handle.stat()
    if (size > mostBytes) return { size, bytes: null }
    const bytes = Buffer.alloc(size)
    let length = 0
    while (length < size) {
      const { bytesRead } = await handle.read(bytes, length, size - length)
      if (bytesRead === 0) break // it was cut meanwhile
      length += bytesRead
    }
    return { size, bytes: bytes.subarray(0, length) }
  } finally {
    await handle.close()
  }
}
