import { constants, type BigIntStats } from 'node:fs'
import { lstat, open, readlink, realpath, type FileHandle } from 'node:fs/promises'
import { sep } from 'node:path'
import { cap } from '../../core/text.ts'

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** Larger files are left out. */
const LARGEST = 1024 * 1024

export type Read = { readonly text: string; readonly path: string } | { readonly problem: string } | null

/**
 * Reads a text file of at most about `max` characters, only if it really lies in `folder`: a link in a repository must not
 * bring other files into the prompt. The opened file itself is checked, so replacing it meanwhile changes nothing. null: no
 * such file.
 */
export async function readInside(path: string, folder: string, max: number): Promise<Read> {
  let handle: FileHandle
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return null // not there, or a link that leads nowhere
    throw error
  }
  try {
    return await readOpened(handle, path, folder, max)
  } finally {
    await handle.close()
  }
}

async function readOpened(handle: FileHandle, path: string, folder: string, max: number): Promise<Read> {
  const opened = await handle.stat({ bigint: true })
  const real = await whereIs(handle, path, opened)
  if (real === null) return { problem: `${path} was replaced while it was read; it was left out` }
  if (!isInside(real, await realpath(folder)))
    return { problem: `${path} is a link that leads out of ${folder}; it was left out` }
  if (!opened.isFile()) return { problem: `${path} is no file; it was left out` }
  if (opened.size > LARGEST) return { problem: `${path} is larger than ${LARGEST} bytes; it was left out` }
  return { text: cap(await handle.readFile('utf8'), max), path: real }
}

/** The real path of an open file. Without /proc: null if the path leads to another file by now. */
async function whereIs(handle: FileHandle, path: string, opened: BigIntStats): Promise<string | null> {
  if (process.platform === 'linux') return readlink(`/proc/self/fd/${handle.fd}`)
  const real = await realpath(path).catch(() => null)
  const there = real === null ? null : await lstat(real, { bigint: true }).catch(() => null)
  return there !== null && there.dev === opened.dev && there.ino === opened.ino ? real : null
}
