import type { Dirent } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { git } from '../../git/run.ts'
import { isOwn, isTemporary } from '../../programs/batch/index.ts'
import type { BatchConfig } from './config.ts'
import { matcher } from './patterns.ts'

export interface Discovered {
  /** Paths relative to the batch's folder, with `/`, sorted by code units, without duplicates. */
  readonly files: readonly string[]
  /** Files that match the patterns and are left out nevertheless. */
  readonly leftOut: readonly LeftOut[]
}

export interface LeftOut {
  readonly path: string
  readonly why: string
}

export interface Place {
  /** Whether the folder is in a git repository. */
  readonly inRepository: boolean
  /** Belay's state folder, which is never part of a batch. */
  readonly home: string
}

/**
 * The files of a batch. Left out are the batch's own two files, `.git`, `.belay` and `node_modules` at any depth, files that
 * git ignores (unless `include_ignored` is set), and symbolic links that lead out of the folder. A link to a file inside counts
 * only if that file itself is not in the batch. Links to folders are not followed. Only reads.
 */
export async function discover(config: BatchConfig, place: Place): Promise<Discovered> {
  const { root } = config
  const leftOut: LeftOut[] = []
  const byGit = place.inRepository && !config.includeIgnored
  const seen = byGit ? await unignored(root) : await walk(root, '', leftOut)
  const own = ownFiles(config, place)
  const wanted = matcher(config.glob, config.exclude)
  const visible = [...new Set(seen)].filter((path) => !isOwn(path) && !own(path)).sort()
  const files: string[] = []
  const links: string[] = []
  for (const path of visible.filter(wanted)) {
    const kind = await kindOf(join(root, path))
    if (kind === 'file') files.push(path)
    else if (kind === 'link') links.push(path)
    else if (kind === 'unnamed') leftOut.push({ path, why: 'its name is not valid UTF-8' })
  }
  const [all, taken] = [new Set(visible), new Set(files)]
  for (const path of links) {
    const why = await whyNot(root, path, all, taken)
    if (why === null) files.push(path)
    else if (why !== 'twice') leftOut.push({ path, why })
  }
  return { files: files.sort(), leftOut }
}

/**
 * Why a link is not part of the batch, or null. A link counts if it leads to a file inside the folder that the batch could see
 * and does not contain yet; `twice`: it contains that file already.
 */
async function whyNot(
  root: string,
  path: string,
  visible: ReadonlySet<string>,
  taken: Set<string>,
): Promise<string | null> {
  try {
    const target = await realpath(join(root, path))
    const inside = relative(root, target).split(sep).join('/')
    if (inside.startsWith('../') || inside === '..' || inside.startsWith('/')) return 'a link out of the folder'
    if (!(await stat(target)).isFile()) return 'a link to what is not a file'
    if (!visible.has(inside)) return 'a link to a file that is not part of the batch'
    if (taken.has(inside)) return 'twice'
    taken.add(inside)
    return null
  } catch {
    return 'a link that leads nowhere'
  }
}

async function kindOf(file: string): Promise<'file' | 'link' | 'unnamed' | 'other'> {
  try {
    const found = await lstat(file)
    return found.isFile() ? 'file' : found.isSymbolicLink() ? 'link' : 'other'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && file.includes('\u{fffd}')) return 'unnamed'
    // Either gone (though git still tracks it), or a file has replaced one of its folders. Anything else is tried, and
    // reported.
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'other' : 'file'
  }
}

function ownFiles({ root, file, results }: BatchConfig, { home }: Place): (path: string) => boolean {
  const name = (path: string): string => relative(root, path).split(sep).join('/')
  const [own, state] = [new Set([name(file), name(results)]), `${name(home)}/`]
  return (path) => own.has(path) || path.startsWith(state) || (!path.includes('/') && isTemporary(path, name(results)))
}

/** Files that git tracks or would offer to add, including those of nested repositories (each by its own rules). */
async function unignored(root: string, folder = ''): Promise<string[]> {
  const cwd = join(root, folder)
  const list = await git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd })
  const found: string[] = []
  for (const name of new Set(list.split('\0'))) {
    if (name === '') continue
    const path = `${folder}${name.replace(/\/$/, '')}`
    if (isOwn(path)) continue
    if (!(await isFolder(join(root, path)))) found.push(path)
    // A nested repository (a submodule or an untracked one) is listed as one path.
    else if (await exists(join(root, path, '.git'))) found.push(...(await unignored(root, `${path}/`)))
  }
  return found
}

/** Every file and link below a folder. */
async function walk(root: string, folder: string, leftOut: LeftOut[]): Promise<string[]> {
  const found: string[] = []
  for (const entry of await entriesOf(root, folder, leftOut)) {
    const path = `${folder}${entry.name}`
    if (isOwn(path)) continue
    if (entry.isDirectory()) found.push(...(await walk(root, `${path}/`, leftOut)))
    else found.push(path)
  }
  return found
}

async function entriesOf(root: string, folder: string, leftOut: LeftOut[]): Promise<Dirent[]> {
  try {
    return await readdir(join(root, folder), { withFileTypes: true })
  } catch (error) {
    leftOut.push({ path: folder, why: `a folder that cannot be read: ${messageOf(error)}` })
    return []
  }
}

async function isFolder(file: string): Promise<boolean> {
  try {
    return (await lstat(file)).isDirectory()
  } catch {
    return false // gone or inaccessible: `kindOf` decides
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch {
    return false
  }
}
