import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { addAll } from './add.ts'
import { FOLDER_MODE, findObject, readObject, readTree, writeObject, writeTree, type Tree } from './objects.ts'
import { git, gitFailed, tryGit } from './run.ts'

/** One path that differs between two trees. */
export interface PathChange {
  readonly path: string
  readonly status: 'A' | 'M' | 'D' | 'T'
  readonly oldMode: string
  readonly newMode: string
  readonly oldId: string
  readonly newId: string
}

/** The tree of a commit. */
export async function treeOf(root: string, commit: string): Promise<string> {
  const found = await findObject(root, `${commit}^{tree}`)
  if (found) return found.id
  throw new BelayError('git_failed', `there is no commit ${commit}`, { exit: 1, next: 'git fsck' })
}

/**
 * Stores the working files of a checkout as a tree, without touching the checkout's own index. Includes tracked files in their
 * current state and new files that are neither ignored nor below a path in `exclude`. Files outside a sparse checkout stay as
 * they are. `index` is Belay's own index for that checkout (see `seedIndex`); it keeps file times, so that unchanged files are
 * not read again.
 */
export async function snapshotTree(checkout: string, index: string, exclude: readonly string[] = []): Promise<string> {
  const env = { GIT_INDEX_FILE: index }
  const plain = exclude.map((path) => path.replace(/\/$/, ''))
  const paths = (await notIgnored(checkout, env, plain)).map((path) => `:(exclude,top,literal)${path}`)
  await addAll(checkout, { env, exclude: paths })
  return git(['write-tree'], { cwd: checkout, env })
}

/** `git add` fails if an ignored path is named, even to exclude it. */
async function notIgnored(
  checkout: string,
  env: Readonly<Record<string, string>>,
  paths: readonly string[],
): Promise<readonly string[]> {
  if (paths.length === 0) return paths
  const args = ['check-ignore', '-z', '--stdin']
  const result = await tryGit(args, { cwd: checkout, env, input: paths.join('\0') })
  if (result.code > 1) throw gitFailed(args, result)
  const ignored = new Set(result.stdout.toString('utf8').split('\0'))
  return paths.filter((path) => !ignored.has(path))
}

/**
 * Copies the checkout's own index, which must be fresh (just reset), to `index`. Removes a lock that a killed git left on
 * `index`, which no other process uses.
 */
export async function seedIndex(gitDir: string, index: string): Promise<void> {
  await rm(`${index}.lock`, { force: true })
  await copyFile(join(gitDir, 'index'), index)
}

/** What to write at a path: a blob with a mode, or null to remove it. */
export type TreeEdit = { readonly mode: string; readonly id: string } | null

/** What a tree (or commit) has at `path`; null: nothing. */
export async function treeEntry(root: string, treeish: string, path: string): Promise<TreeEdit> {
  const cut = path.lastIndexOf('/')
  const folder = await readTree(root, cut === -1 ? `${treeish}^{tree}` : `${treeish}:${path.slice(0, cut)}`)
  return folder?.get(toBytes(path.slice(cut + 1))) ?? null
}

/** A new tree: `tree` with some paths replaced or removed. No written path may be a folder of another written path. */
export async function editTree(root: string, tree: string, edits: ReadonlyMap<string, TreeEdit>): Promise<string> {
  if (edits.size === 0) return tree
  const list = [...edits].map(([path, edit]) => ({ path: toBytes(path).split('/'), edit }))
  return (await editFolder(root, tree, list)) ?? writeTree(root, new Map())
}

interface PathEdit {
  readonly path: readonly string[]
  readonly edit: TreeEdit
}

/** The edited folder; null: nothing is left in it. */
async function editFolder(root: string, id: string | null, edits: readonly PathEdit[]): Promise<string | null> {
  const before = id === null ? null : await readTree(root, id)
  if (id !== null && before === null) throw new Error(`there is no tree ${id}`)
  const entries = new Map(before)
  for (const [name = '', below] of Map.groupBy(edits, ({ path }) => path[0])) {
    const own = below.findLast(({ path }) => path.length === 1)
    const there = entries.get(name)
    // Removing a path removes a file, never a folder in its place.
    if (own && own.edit !== null) entries.set(name, own.edit)
    else if (own && there?.mode !== FOLDER_MODE) entries.delete(name)
    const deeper = below.filter(({ path }) => path.length > 1)
    const folder = entries.get(name)?.mode === FOLDER_MODE ? (entries.get(name)?.id ?? null) : null
    if (deeper.length === 0 || (folder === null && deeper.every(({ edit }) => edit === null))) continue
    // A file in place of a folder on the way is replaced.
    const edited = await editFolder(
      root,
      folder,
      deeper.map(({ path, edit }) => ({ path: path.slice(1), edit })),
    )
    if (edited === null) entries.delete(name)
    else entries.set(name, { mode: FOLDER_MODE, id: edited })
  }
  return entries.size === 0 ? null : writeTree(root, entries)
}

/** Names in trees are bytes; see `TreeEntry`. */
function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

/** Stores a blob and returns its id. */
export async function writeBlob(root: string, content: string | Buffer): Promise<string> {
  return writeObject(root, 'blob', content)
}

/** Content of a file in a commit or tree; null: there is no file at `path`. */
export async function readBlob(root: string, treeish: string, path: string): Promise<Buffer | null> {
  const found = await readObject(root, `${treeish}:${path}`)
  return found?.type === 'blob' ? found.content : null
}

/** Paths that differ between two trees (or commits), sorted; a rename is a removal and an addition. */
export async function changedPaths(root: string, from: string, to: string): Promise<PathChange[]> {
  const found: PathChange[] = []
  await compareFolders(root, [`${from}^{tree}`, `${to}^{tree}`], '', found)
  return found.sort((a, b) => (a.path < b.path ? -1 : 1)).map((change) => ({ ...change, path: toText(change.path) }))
}

async function compareFolders(
  root: string,
  names: readonly [string | null, string | null],
  prefix: string,
  found: PathChange[],
): Promise<void> {
  const [before, after] = await Promise.all(names.map((name) => folderOf(root, name)))
  for (const name of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
    const [old = NOTHING, now = NOTHING] = [before?.get(name), after?.get(name)]
    if (old.id === now.id && old.mode === now.mode) continue
    const path = `${prefix}${name}`
    const [oldFolder, newFolder] = [old.mode === FOLDER_MODE ? old.id : null, now.mode === FOLDER_MODE ? now.id : null]
    if (oldFolder !== null || newFolder !== null) await compareFolders(root, [oldFolder, newFolder], `${path}/`, found)
    const [oldFile, newFile] = [oldFolder === null ? old : NOTHING, newFolder === null ? now : NOTHING]
    if (oldFile === newFile) continue
    const common = { path, oldMode: oldFile.mode, newMode: newFile.mode }
    found.push({ ...common, status: statusOf(oldFile, newFile), ...idsOf(oldFile, newFile) })
  }
}

async function folderOf(root: string, name: string | null): Promise<Tree> {
  if (name === null) return new Map()
  const tree = await readTree(root, name)
  if (tree) return tree
  throw new BelayError('git_failed', `there is no tree ${name}`, { exit: 1, next: 'git fsck' })
}

const NOTHING = { mode: '000000', id: '' } as const

/** A missing side gets the null id, in the length of the other id. */
function idsOf(old: { readonly id: string }, now: { readonly id: string }): Pick<PathChange, 'oldId' | 'newId'> {
  const none = '0'.repeat(Math.max(old.id.length, now.id.length))
  return { oldId: old.id || none, newId: now.id || none }
}

function statusOf(old: { readonly mode: string }, now: { readonly mode: string }): PathChange['status'] {
  if (old === NOTHING) return 'A'
  if (now === NOTHING) return 'D'
  // The first three digits distinguish files, links and submodules; the rest are permissions.
  return old.mode.slice(0, 3) === now.mode.slice(0, 3) ? 'M' : 'T'
}

export type Merge = { readonly tree: string } | { readonly tree: string; readonly conflicts: readonly string[] }

/** Merges two commits over their merge base, without a working tree. With conflicts, the tree contains conflict markers. */
export async function mergeTrees(root: string, ours: string, theirs: string): Promise<Merge> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs]
  const result = await tryGit(args, { cwd: root })
  const [tree = '', ...paths] = result.stdout.toString('utf8').split('\0')
  if (result.code === 0) return { tree: tree.trim() }
  if (result.code === 1) return { tree: tree.trim(), conflicts: [...new Set(paths.filter((path) => path !== ''))] }
  throw gitFailed(args, result)
}
