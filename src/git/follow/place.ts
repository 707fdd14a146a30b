import { constants } from 'node:fs'
import { copyFile, cp, mkdir, readdir, rename, rm, rmdir, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { git } from '../run.ts'
import type { Checkout } from './checkouts.ts'
import { signatureOf, statOrNull, type Inspected } from './inspect.ts'

/** A change's new files, written by git (filters, line ends, modes) in a folder beside the checkout, and the new index. */
export interface Stage {
  readonly folder: string
  readonly index: string
}

/**
 * Creates the stage for going from one commit to another. Git's own two-way merge, with an empty folder as its work tree,
 * writes exactly the files that change. Nothing in the checkout is touched. `index` (default: the checkout's own) must be at
 * `from`.
 */
export async function makeStage(
  checkout: Checkout,
  token: string,
  from: string,
  to: string,
  index: string = join(checkout.gitDir, 'index'),
): Promise<Stage> {
  // A new name each time: a git that outlived a killed Belay may still be writing to the previous one.
  const name = `${stagePrefix(token)}${randomId(6)}`
  const stage = { folder: join(await besideFiles(checkout), name), index: join(checkout.gitDir, `${name}.index`) }
  await mkdir(stage.folder, { mode: 0o700 })
  await copyFile(index, stage.index)
  await git(['read-tree', '-m', '-u', from, to], {
    cwd: stage.folder,
    env: { GIT_DIR: checkout.gitDir, GIT_WORK_TREE: stage.folder, GIT_INDEX_FILE: stage.index },
  })
  return stage
}

function stagePrefix(token: string): string {
  return `.belay-follow-${token}-`
}

/**
 * A folder from which files can be renamed into the checkout: its git folder, or the checkout itself if that is on another
 * disk.
 */
async function besideFiles({ root, gitDir }: Checkout): Promise<string> {
  const [work, store] = await Promise.all([stat(root), stat(gitDir)])
  return work.dev === store.dev ? gitDir : root
}

/** Removes all stages of an intent. */
export async function removeStage({ root, gitDir }: Checkout, token: string): Promise<void> {
  for (const folder of [gitDir, root]) {
    for (const name of await readdir(folder)) {
      if (!name.startsWith(stagePrefix(token))) continue
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
    }
  }
}

/** Thrown when somebody wrote to a path between its inspection and its replacement. That file stays as it is. */
export class PathTouched extends Error {
  readonly path: string
  constructor(path: string) {
    super(`${path} was written to meanwhile`)
    this.name = 'PathTouched'
    this.path = path
  }
}

/**
 * Gives every path of `inspected` its new content. Each is replaced by one rename or unlink, so at any moment, also after kill
 * -9, it holds exactly its old or its new content. Removals come first, because a folder may become a file. Paths that the
 * stage lacks (outside a sparse checkout) stay. Calls `placed` after each path that was changed. Throws `PathTouched`.
 */
export async function placeAll(
  root: string,
  stage: Stage,
  inspected: readonly Inspected[],
  placed: (one: Inspected) => void,
): Promise<void> {
  const removals = inspected.filter((one) => one.change.newMode === '000000')
  const writes = inspected.filter((one) => one.change.newMode !== '000000')
  for (const one of removals) {
    if (one.state !== 'old') continue
    await unlinkUntouched(root, one)
    placed(one)
  }
  for (const { change } of removals) await removeEmptyParents(root, change.path)
  for (const one of writes) {
    const target = join(root, one.change.path)
    const now = await statOrNull(target)
    // On a file system that ignores case, one of the removals above may have removed a file that was `new`.
    if (one.state === 'new' && now !== null) continue
    const staged = join(stage.folder, one.change.path)
    if ((await statOrNull(staged)) === null) continue
    if (now?.isDirectory() === true) await removeEmptyFolders(target)
    else if (now !== null && signatureOf(now) !== one.signature) throw new PathTouched(one.change.path)
    await mkdir(dirname(target), { recursive: true })
    await renameOver(staged, target)
    placed(one)
  }
}

async function unlinkUntouched(root: string, one: Inspected): Promise<void> {
  const target = join(root, one.change.path)
  const now = await statOrNull(target)
  if (now === null) return
  if (signatureOf(now) !== one.signature) throw new PathTouched(one.change.path)
  await unlink(target)
}

/** Renames, also onto another file system that is mounted inside the checkout. */
async function renameOver(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    const beside = join(dirname(to), `.belay-${basename(to).slice(0, 100)}-${process.pid}`)
    await cp(from, beside, { verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
    await rename(beside, to)
    await unlink(from)
  }
}

async function removeEmptyParents(root: string, path: string): Promise<void> {
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    try {
      await rmdir(join(root, folder))
    } catch {
      return // not empty, missing, or not a folder: each ends the climb
    }
  }
}

/** Removes a tree of empty folders; throws `target_dirty` if it contains a file. */
async function removeEmptyFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) {
      throw new BelayError('target_dirty', `${join(folder, entry.name)} is in the way`, { exit: 1 })
    }
    await removeEmptyFolders(join(folder, entry.name))
  }
  await rmdir(folder)
}
