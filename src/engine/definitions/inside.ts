import { readFile, realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'
import { cap } from '../../core/text.ts'

export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/** Larger files are read in part only. */
const LARGEST = 1024 * 1024

export type Read = { readonly text: string; readonly path: string } | { readonly problem: string } | null

/**
 * A text file of at most about `max` characters, only if it really lies in `folder`: a link in a repository must not bring other
 * files into the prompt. Null when it is not there.
 */
export async function readInside(path: string, folder: string, max: number): Promise<Read> {
  let real: string
  try {
    real = await realpath(path)
  } catch {
    return null // not there, or a link to nothing
  }
  if (!isInside(real, await realpath(folder)))
    return { problem: `${path} is a link that leads out of ${folder}; it was left out` }
  const { size } = await stat(real)
  if (size > LARGEST) return { problem: `${path} is larger than ${LARGEST} bytes; it was left out` }
  return { text: cap(await readFile(real, 'utf8'), max), path: real }
}
