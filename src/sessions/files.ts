import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { randomId } from '../core/ids.ts'

/** Makes what was renamed, linked or removed in `folder` last over a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a file that nobody sees half written, and that lasts. Readable by the user alone. */
export async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}~${randomId(8)}`
  try {
    await writeNew(temporary, text)
    await rename(temporary, file)
  } catch (error) {
    await unlink(temporary).catch(() => {}) // the first error is the one to tell
    throw error
  }
  await syncFolder(dirname(file))
}

/** Writes a file that is not there yet (`EEXIST` else); on disk when it resolves. */
export async function writeNew(file: string, text: string): Promise<void> {
  const handle: FileHandle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
