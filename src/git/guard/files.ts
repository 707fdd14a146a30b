import type { Stats } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { LARGEST, readLarge, sameContent } from './large.ts'
import type { FileState, FindingKind } from './state.ts'

/** How a change of a guarded file is treated. */
export interface FileRule {
  readonly kind: FindingKind
  /** Whether the earlier state is restored. */
  readonly undo: boolean
  readonly fails: boolean
}

/** Files in a repository's git folder that decide what git runs or sees. */
const NAMED: Readonly<Record<string, FileRule>> = {
  config: { kind: 'config', undo: true, fails: true },
  'config.worktree': { kind: 'config', undo: true, fails: true },
  commondir: { kind: 'config', undo: true, fails: true },
  gitdir: { kind: 'config', undo: true, fails: true },
  'info/attributes': { kind: 'attributes', undo: true, fails: true },
  'info/grafts': { kind: 'other', undo: true, fails: true },
  'objects/info/alternates': { kind: 'other', undo: true, fails: true },
  // Tools add their folders here on their own, so changes are undone but do not fail the attempt.
  'info/exclude': { kind: 'other', undo: true, fails: false },
  // A fetch by the user changes these.
  'info/sparse-checkout': { kind: 'other', undo: false, fails: false },
  shallow: { kind: 'other', undo: false, fails: false },
}

const HOOK: FileRule = { kind: 'hook', undo: true, fails: true }

/** The rule for a guarded path. */
export function ruleOf(path: string): FileRule {
  const named = Object.keys(NAMED).find((name) => path.endsWith(`/${name}`))
  return path.includes('/hooks/') || named === undefined ? HOOK : (NAMED[named] ?? HOOK)
}

/** Reads one file, never through a link; null: there is none, or it is neither file nor link. */
export async function readState(path: string): Promise<FileState | null> {
  const found = await statOrNull(path)
  if (!found) return null
  try {
    if (found.isSymbolicLink()) return { kind: 'link', to: await readlink(path) }
    if (!found.isFile()) return null
    const mode = found.mode & 0o7777
    if (found.size > LARGEST) return await readLarge(path, found)
    return { kind: 'file', mode, data: (await readFile(path)).toString('base64') }
  } catch (error) {
    if (isGone(error)) return null // gone since the lstat
    throw error
  }
}

export function sameState(a: FileState | null, b: FileState | null): boolean {
  if (a === null || b === null) return a === b
  if (a.kind === 'link') return b.kind === 'link' && a.to === b.to
  if (a.kind === 'large') return b.kind === 'large' && a.mode === b.mode && sameContent(a, b)
  return b.kind === 'file' && a.data === b.data && a.mode === b.mode
}

/** The guarded files of a git folder (the common one, a submodule's, or a worktree's) and of the submodules below it. */
export async function readGuarded(
  gitDir: string,
  into: Record<string, FileState> = {},
): Promise<Record<string, FileState>> {
  for (const name of Object.keys(NAMED)) await take(join(gitDir, name), into)
  await takeFolder(join(gitDir, 'hooks'), into, 0)
  for (const module of await findModules(join(gitDir, 'modules'), 0)) await readGuarded(module, into)
  return into
}

async function take(path: string, into: Record<string, FileState>): Promise<void> {
  const state = await readState(path)
  if (state) into[path] = state
}

/**
 * Reads a folder with everything in it, because hooks may call scripts beside them. A folder that is a link counts as that
 * link.
 */
export async function takeFolder(path: string, into: Record<string, FileState>, depth: number): Promise<void> {
  const found = await statOrNull(path)
  if (!found) return
  if (!found.isDirectory()) return take(path, into)
  for (const name of await readdir(path)) {
    if (depth < 4) await takeFolder(join(path, name), into, depth + 1)
  }
}

/** Git folders of submodules. Submodule names may contain slashes. */
async function findModules(folder: string, depth: number): Promise<string[]> {
  const found: string[] = []
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name)
    if (!(await statOrNull(path))?.isDirectory()) continue
    if ((await statOrNull(join(path, 'HEAD'))) !== null) found.push(path)
    else if (depth < 6) found.push(...(await findModules(path, depth + 1)))
  }
  return found
}

/**
 * Restores the state `to` of `path` (null: absent), but only if `path` is still in the state `from`, so that a later edit is
 * not lost. Configuration is written under git's own lock. False: the file changed meanwhile or cannot be written, or `to` is
 * a large file of which more than the mode changed; then `path` is left as it is.
 */
export async function restore(path: string, from: FileState | null, to: FileState | null): Promise<boolean> {
  const lock = basename(path).startsWith('config') ? await lockFile(`${path}.lock`) : null
  try {
    if (!sameState(await readState(path), from)) return false
    if (to?.kind === 'large') {
      if (from?.kind !== 'large' || !sameContent(from, to)) return false
      await chmod(path, to.mode)
      return true
    }
    await clearWay(dirname(path))
    if (to === null) {
      await rm(path, { force: true })
      return true
    }
    if (from === null && (await statOrNull(path))?.isDirectory()) await rm(path, { recursive: true, force: true })
    const fresh = `${path}.belay-${randomId(6)}`
    if (to.kind === 'link') await symlink(to.to, fresh)
    else {
      await writeFile(fresh, Buffer.from(to.data, 'base64'), { flag: 'wx' })
      await chmod(fresh, to.mode)
    }
    await rename(fresh, path)
    return true
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  } finally {
    if (lock !== null) await rm(lock, { force: true })
  }
}

/** Prepares a folder for writing a file: creates it if it is gone, and replaces a link or file in its place. */
async function clearWay(folder: string): Promise<void> {
  const found = await statOrNull(folder)
  if (found && !found.isDirectory()) await rm(folder)
  await mkdir(folder, { recursive: true })
}

/** How long another git may hold a configuration lock before it is considered left by a killed git. */
const STALE_MS = 1000

async function lockFile(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  for (let waited = 0; ; waited += 20) {
    try {
      await (await open(path, 'wx')).close()
      return path
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      if (waited >= STALE_MS) return path
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path)
  } catch (error) {
    if (isGone(error)) return null
    throw error
  }
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Settings of one branch that a user's switch, push or editor writes, and that never make git run anything. */
const BRANCH_SETTING =
  /^\s*(remote|pushRemote|merge|rebase|description|[a-z-]+-(?:merge-base|pr-owner-number))\s*=\s*[\w./#" -]*$/i

/** Whether two configuration files differ only in harmless branch settings. */
export function onlyBranchesDiffer(a: FileState | null, b: FileState | null): boolean {
  if (a?.kind !== 'file' || b?.kind !== 'file' || a.mode !== b.mode) return false
  const [first, second] = [a, b].map((one) => withoutBranches(Buffer.from(one.data, 'base64').toString('utf8')))
  return first !== null && first === second
}

/** The text without its branch sections; null: one of them contains another setting. */
function withoutBranches(text: string): string | null {
  const rest: string[] = []
  let inBranch = false
  for (const line of text.split('\n')) {
    if (/^\s*\[/.test(line)) inBranch = /^\[branch "[^"\\]*"\]$/.test(line)
    else if (inBranch && line.trim() !== '' && !BRANCH_SETTING.test(line)) return null
    if (!inBranch && line.trim() !== '') rest.push(line)
  }
  return rest.join('\n')
}
