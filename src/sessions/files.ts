import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { randomId } from '../core/ids.ts'

/** Makes renames, links and removals in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a file atomically and durably, readable by its user only. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}~${randomId(8)}`
  try {
    await writeNew(temporary, text)
    await rename(temporary, file)
  } catch (error) {
    await unlink(temporary).catch(() => {}) // the first error is the one to report
    throw error
  }
  await syncFolder(dirname(file))
}

/** Writes a new file (throws `EEXIST` if there is one); it is on disk when this resolves. */
export async function writeNew(file: string, text: string): Promise<void> {
  const handle: FileHandle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
