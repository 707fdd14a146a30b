import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BelayError, messageOf } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'

export interface WriteOptions {
  /** Replaces an existing file; otherwise one is an error (`file_exists`). */
  readonly replace: boolean
}

/**
 * Writes a file atomically, also across a power cut. Without `replace`, it never overwrites a file, not even one that appeared
 * meanwhile. Throws `file_exists` or `write_failed`, and leaves nothing behind then.
 */
export async function writeWhole(file: string, text: string, options: WriteOptions): Promise<void> {
  const draft = join(dirname(file), `.belay-${randomId(10)}.tmp`)
  try {
    await flushed(draft, text)
    if (options.replace) await rename(draft, file)
    else await renameToFree(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(file)
    throw new BelayError('write_failed', `${file} could not be written: ${messageOf(error)}`, {
      exit: 1,
      next: 'make room or fix the permissions, then try again',
      cause: error,
    })
  } finally {
    await rm(draft, { force: true })
  }
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Linking fails atomically if the name is taken. On a file system without links, the name is reserved first. */
async function renameToFree(draft: string, file: string): Promise<void> {
  try {
    await link(draft, file)
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    const reserved = await open(file, 'wx')
    await reserved.close()
    await rename(draft, file)
  }
}

async function flushed(file: string, text: string): Promise<void> {
  await using handle = await open(file, 'wx', 0o644)
  await handle.writeFile(text)
  await handle.sync()
}

/** Name of the configuration file in `root`, whichever it is; null: there is none. */
export async function findConfigFile(root: string): Promise<string | null> {
  for (const name of ['belay.yaml', 'belay.toml', 'belay.yml']) {
    try {
      await lstat(join(root, name))
      return name
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return null
}

function exists(file: string): BelayError {
  return new BelayError('file_exists', `${file} is there already`, {
    expected: 'no file of that name',
    received: file,
    next: 'belay init --force replaces it',
  })
}
