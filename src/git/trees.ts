import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../core/ids.ts'
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

/** Mode of a submodule pointer in a tree. */
export const GITLINK = '160000'

/** The tree of a commit. */
export async function treeOf(root: string, commit: string): Promise<string> {
  return git(['rev-parse', '--verify', `${commit}^{tree}`], { cwd: root })
}

/**
 * The working files of a checkout as a tree, without touching its own index: tracked files as they are, new files that are
 * not ignored and not below a path in `exclude`, nothing that was deleted; what a sparse checkout leaves out stays as it is.
 * `index` is Belay's own index of that checkout (see `seedIndex`); it keeps the file times, so that unchanged files are not
 * read again.
 */
export async function snapshotTree(checkout: string, index: string, exclude: readonly string[] = []): Promise<string> {
  const env = { GIT_INDEX_FILE: index }
  const plain = exclude.map((path) => path.replace(/\/$/, ''))
  const paths = (await notIgnored(checkout, env, plain)).map((path) => `:(exclude,top,literal)${path}`)
  const input = [':/', ...paths].join('\0')
  await git(['add', '--all', '--sparse', '--pathspec-from-file=-', '--pathspec-file-nul'], {
    cwd: checkout,
    env,
    input,
  })
  return git(['write-tree'], { cwd: checkout, env })
}

/** `git add` takes it ill when an ignored path is named, be it to exclude it. */
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
 * Makes `index` a copy of the checkout's own index, which must be fresh (just reset). The lock that a killed git left on it
 * goes: nobody else knows this index.
 */
export async function seedIndex(gitDir: string, index: string): Promise<void> {
  await rm(`${index}.lock`, { force: true })
  await copyFile(join(gitDir, 'index'), index)
}

/** What to write at a path: a blob with a mode, or null to remove it. */
export type TreeEdit = { readonly mode: string; readonly id: string } | null

/** What a tree (or commit) has at `path`; null when there is nothing. */
export async function treeEntry(root: string, treeish: string, path: string): Promise<TreeEdit> {
  const line = await git(['ls-tree', '-z', '--full-tree', treeish, '--', `:(literal)${path}`], { cwd: root })
  const [, mode, id] = /^(\d+) \w+ ([0-9a-f]+)\t/.exec(line) ?? []
  return mode === undefined || id === undefined ? null : { mode, id }
}

/** `tree` with some paths replaced or removed, as a new tree. `scratch` is a folder for a temporary index. */
export async function editTree(
  root: string,
  tree: string,
  edits: ReadonlyMap<string, TreeEdit>,
  scratch: string,
): Promise<string> {
  if (edits.size === 0) return tree
  const index = join(scratch, `index-${randomId(8)}`)
  const env = { GIT_INDEX_FILE: index }
  try {
    await git(['read-tree', tree], { cwd: root, env })
    const nothing = '0'.repeat(tree.length)
    const input = [...edits]
      .map(([path, edit]) => (edit ? `${edit.mode} ${edit.id}\t${path}\0` : `0 ${nothing}\t${path}\0`))
      .join('')
    // A path that an agent made a folder of, or a file of a folder on its way, gives way.
    await git(['update-index', '--replace', '-z', '--index-info'], { cwd: root, env, input })
    return await git(['write-tree'], { cwd: root, env })
  } finally {
    await rm(index, { force: true })
  }
}

/** Stores text as a blob and returns its id. */
export async function writeBlob(root: string, content: string | Buffer): Promise<string> {
  return git(['hash-object', '-w', '--stdin'], { cwd: root, input: content })
}

/** Content of a file in a commit or tree, or null when it is not there (or is no file). */
export async function readBlob(root: string, treeish: string, path: string): Promise<Buffer | null> {
  const result = await tryGit(['cat-file', 'blob', `${treeish}:${path}`], { cwd: root })
  return result.code === 0 ? result.stdout : null
}

/** Paths that differ between two trees (or commits), renames shown as removal and addition. */
export async function changedPaths(root: string, from: string, to: string): Promise<PathChange[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-ext-diff', '--end-of-options', from, to]
  const result = await tryGit(args, { cwd: root })
  if (result.code !== 0) throw gitFailed(args, result)
  const parts = result.stdout.toString('utf8').split('\0')
  const changes: PathChange[] = []
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [oldMode = '', newMode = '', oldId = '', newId = '', status = 'M'] = (parts[i] ?? '').slice(1).split(' ')
    changes.push({
      path: parts[i + 1] ?? '',
      status: status[0] as PathChange['status'],
      oldMode,
      newMode,
      oldId,
      newId,
    })
  }
  return changes
}

/** The difference between two trees as a patch for reading. */
export async function patchText(root: string, from: string, to: string): Promise<string> {
  const args = ['diff-tree', '-r', '-p', '--no-color', '--no-ext-diff', '--no-textconv', '--find-renames', from, to]
  const result = await tryGit(args, { cwd: root })
  if (result.code !== 0) throw gitFailed(args, result)
  return result.stdout.toString('utf8')
}

/** An id of the change between two trees that stays the same when the change is moved onto other commits. */
export async function patchId(root: string, from: string, to: string): Promise<string> {
  const patch = await tryGit(
    [
      'diff-tree',
      '-r',
      '-p',
      '--binary',
      '--full-index',
      '--no-color',
      '--no-ext-diff',
      '--no-textconv',
      '--no-renames',
      from,
      to,
    ],
    { cwd: root },
  )
  if (patch.code !== 0) throw gitFailed(['diff-tree'], patch)
  const line = await git(['patch-id', '--stable'], { cwd: root, input: patch.stdout })
  return line.split(' ')[0] ?? ''
}

export type Merge = { readonly tree: string } | { readonly tree: string; readonly conflicts: readonly string[] }

/** Merges two commits over their merge base without a working tree. With conflicts the tree holds conflict markers. */
export async function mergeTrees(root: string, ours: string, theirs: string): Promise<Merge> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs]
  const result = await tryGit(args, { cwd: root })
  const [tree = '', ...paths] = result.stdout.toString('utf8').split('\0')
  if (result.code === 0) return { tree: tree.trim() }
  if (result.code === 1) return { tree: tree.trim(), conflicts: [...new Set(paths.filter((path) => path !== ''))] }
  throw gitFailed(args, result)
}
