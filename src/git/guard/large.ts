import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { constants } from 'node:fs'
import { copyFile, open, rm } from 'node:fs/promises'
import type { LargeState } from './state.ts'

/** No hand-written configuration or hook is larger than this. Of larger files only a hash is kept, so they cannot be restored. */
export const LARGEST = 4 << 20

/** Files above this are not even read; their size and time are compared. */
const MOST_READ = 256 << 20

/** Reads the state of a file above `LARGEST`. */
export async function readLarge(path: string, { size, mode, mtimeMs }: Stats): Promise<LargeState> {
  const content = size > MOST_READ ? `changed ${mtimeMs}` : await hashOf(path)
  return { kind: 'large', mode: mode & 0o7777, size, content }
}

export function sameContent(a: LargeState, b: LargeState): boolean {
  return a.size === b.size && a.content === b.content
}

/** Copies a file that an undo will remove to `copy`. False: it is too large to keep, changed meanwhile, or there is no room. */
export async function setAside(path: string, state: LargeState, copy: string): Promise<boolean> {
  if (state.size > MOST_READ) return false
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE)
    if ((await hashOf(copy)) === state.content) return true
  } catch (error) {
    if (!['EACCES', 'ENOENT', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  await rm(copy, { force: true })
  return false
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  for await (const chunk of file.createReadStream()) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
