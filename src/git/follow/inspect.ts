import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tryGit } from '../run.ts'
import { GITLINK } from '../objects.ts'
import { type PathChange } from '../trees.ts'

/** What a path that differs between two commits holds now: exactly the old content, exactly the new one, or anything else. */
export type PathState = 'old' | 'new' | 'other'

export interface Inspected {
  readonly change: PathChange
  readonly state: PathState
  /** Changes when somebody writes to the path after it was inspected. */
  readonly signature: string
}

const NOTHING = '000000'

/** Whether a change concerns a submodule's pointer, which exists in the index only; its files are not touched. */
export function isPointer(change: PathChange): boolean {
  return change.oldMode === GITLINK || change.newMode === GITLINK
}

/**
 * Inspects every path of `changes` in the checkout at `root`. File contents are compared as git would store them (line ends,
 * filters), so a file is `old` or `new` only if nothing in it would be lost.
 */
export async function inspect(root: string, changes: readonly PathChange[]): Promise<Inspected[]> {
  const removed = new Set(changes.filter((change) => change.newMode === NOTHING).map((change) => change.path))
  const parents = new Map<string, Promise<Place>>()
  const looked = await Promise.all(
    changes.map(async (change) => ({ change, ...(await look(root, change, removed, parents)) })),
  )
  const files = looked.filter((one) => one.found?.isFile() === true).map((one) => one.change.path)
  const ids = await blobIds(root, files)
  const isExecutable = (found: Stats): boolean => (found.mode & 0o100) !== 0
  // Read only if it matters: if some file's permissions are not those of either commit.
  const odd = looked.some(({ change, found }) => found?.isFile() === true && !hasModeOf(change, isExecutable(found)))
  const fileMode = !odd || (await hasFileMode(root))
  return looked.map(({ change, found, id, blocked }) => {
    const signature = signatureOf(found)
    if (blocked) return { change, state: 'other', signature }
    if (found === null) return { change, state: absentState(change), signature }
    const now = id ?? ids.get(change.path)
    const mode = found.isSymbolicLink() ? '120000' : isExecutable(found) ? '100755' : '100644'
    const is = (wantedMode: string, wantedId: string): boolean =>
      now === wantedId &&
      (mode === wantedMode || (!fileMode && !found.isSymbolicLink() && wantedMode.startsWith('100')))
    if (is(change.newMode, change.newId)) return { change, state: 'new', signature }
    return { change, state: is(change.oldMode, change.oldId) ? 'old' : 'other', signature }
  })
}

/** Whether the path has these permissions in both commits, as far as it is a file there. */
function hasModeOf({ oldMode, newMode }: PathChange, executable: boolean): boolean {
  const mode = executable ? '100755' : '100644'
  return [oldMode, newMode].every((one) => !one.startsWith('100') || one === mode)
}

function absentState(change: PathChange): PathState {
  if (change.newMode === NOTHING) return 'new'
  return change.oldMode === NOTHING ? 'old' : 'other'
}

/** Inode, size, times and mode of what is at a path; empty for nothing or a folder. */
export function signatureOf(found: Stats | null): string {
  if (!found || found.isDirectory()) return ''
  return [found.ino, found.size, found.mtimeMs, found.ctimeMs, found.mode].join(' ')
}

/** What a path's parent folder is. `barred`: a file or link is in its place that the change does not remove. */
type Place = 'folder' | 'missing' | 'replaced' | 'barred'

interface Look {
  /** null: there is no file (but perhaps a folder whose files are all removed). */
  readonly found: Stats | null
  /** Blob id, if already known. */
  readonly id: string | null
  readonly blocked: boolean
}

async function look(
  root: string,
  change: PathChange,
  removed: ReadonlySet<string>,
  parents: Map<string, Promise<Place>>,
): Promise<Look> {
  const place = await parentOf(root, change.path, removed, parents)
  const needed = change.newMode !== NOTHING
  if (place === 'barred') return { found: null, id: null, blocked: needed }
  if (place !== 'folder') return { found: null, id: null, blocked: false }
  const path = join(root, change.path)
  const found = await statOrNull(path)
  if (!found) return { found: null, id: null, blocked: false }
  if (found.isDirectory())
    return { found: null, id: null, blocked: needed && !(await allGo(root, change.path, removed)) }
  if (!found.isSymbolicLink()) return { found, id: null, blocked: !found.isFile() }
  return { found, id: blobId(await readlink(path, 'buffer'), change.newId), blocked: false }
}

function parentOf(
  root: string,
  path: string,
  removed: ReadonlySet<string>,
  known: Map<string, Promise<Place>>,
): Promise<Place> {
  const folder = dirname(path)
  if (folder === '.') return Promise.resolve('folder')
  let place = known.get(folder)
  if (!place) {
    place = findPlace(root, folder, removed, known)
    known.set(folder, place)
  }
  return place
}

async function findPlace(
  root: string,
  folder: string,
  removed: ReadonlySet<string>,
  known: Map<string, Promise<Place>>,
): Promise<Place> {
  const above = await parentOf(root, folder, removed, known)
  if (above !== 'folder') return above
  const found = await statOrNull(join(root, folder))
  if (!found) return 'missing'
  if (found.isDirectory()) return 'folder'
  // To git a link is never a folder, wherever it points: files behind it are not the repository's.
  return removed.has(folder) ? 'replaced' : 'barred'
}

/** Whether a folder contains nothing but files that the change removes. */
async function allGo(root: string, folder: string, removed: ReadonlySet<string>): Promise<boolean> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory() ? !(await allGo(root, path, removed)) : !removed.has(path)) return false
  }
  return true
}

export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}

/** The id that git gives to a blob. The length of `like` tells which hash the repository uses. */
function blobId(content: Buffer, like: string): string {
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1')
  return hash.update(`blob ${content.length}\0`).update(content).digest('hex')
}

/** Ids of files as git would store them now. If a file vanishes meanwhile, the result is empty. */
async function blobIds(root: string, paths: readonly string[]): Promise<Map<string, string>> {
  if (paths.length === 0) return new Map()
  const input = paths.map((path) => `${/["\n\\]/.test(path) ? quoteC(path) : path}\n`).join('')
  const result = await tryGit(['hash-object', '--stdin-paths'], { cwd: root, input })
  if (result.code !== 0) return new Map()
  const ids = result.stdout.toString('utf8').split('\n')
  return new Map(paths.map((path, i) => [path, ids[i] ?? '']))
}

function quoteC(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

async function hasFileMode(root: string): Promise<boolean> {
  const result = await tryGit(['config', '--type=bool', '--get', 'core.fileMode'], { cwd: root })
  return result.stdout.toString('utf8').trim() !== 'false'
}
