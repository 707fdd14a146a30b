/** Where a source's files are read from: the tree of a commit, or a folder. */
import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { readRegular } from '../core/regular-file.ts'
import { FOLDER_MODE, findObject, readObject, readTree as readFolder } from '../git/objects.ts'
import type { SourceFiles } from './port.ts'

/** Larger than any task list or spec written by a person. */
const MAX_BYTES = 4 * 1024 * 1024

interface Entry {
  readonly name: string
  readonly type: 'blob' | 'tree'
  readonly id: string
}

/**
 * Reads from the tree of `commit` (anything that names a commit or tree) in the repository at `root`; each folder and file at
 * most once. Symbolic links and submodules count as missing. Throws `git_failed` if there is no such commit, and
 * `source_unreadable` for a file that is too large or not UTF-8 text.
 */
export function treeFiles(root: string, commit: string): SourceFiles {
  const folders = new Map<string, Promise<readonly Entry[]>>()
  const texts = new Map<string, Promise<string | null>>()
  const folder = (path: string): Promise<readonly Entry[]> =>
    remember(folders, path, () => readTree(root, commit, path))
  const text = async (path: string): Promise<string | null> => {
    const cut = path.lastIndexOf('/')
    const entries = await folder(path.slice(0, Math.max(cut, 0)))
    const entry = entries.find((other) => other.name === path.slice(cut + 1) && other.type === 'blob')
    if (!entry) return null
    const found = await findObject(root, entry.id)
    if (found !== null && found.size > MAX_BYTES) throw tooLarge(path, found.size)
    const blob = await readObject(root, entry.id)
    if (blob === null) throw unreadable(`${commit}:${path}`)
    return decode(path, blob.content)
  }
  return {
    async read(path) {
      const file = plain(path)
      return file === null ? null : remember(texts, file, () => text(file))
    },
    async list(path) {
      const wanted = plain(path)
      const entries = wanted === null ? [] : await folder(wanted)
      return entries.map(({ name, type }) => (type === 'tree' ? `${name}/` : name)).toSorted()
    },
  }
}

async function readTree(root: string, commit: string, path: string): Promise<readonly Entry[]> {
  const top = `${commit}^{tree}`
  const folder = await readFolder(root, path === '' ? top : `${commit}:${path}`)
  if (folder === null && (path === '' || (await findObject(root, top)) === null)) throw unreadable(commit)
  const entries: Entry[] = []
  for (const [name, { mode, id }] of folder ?? []) {
    // Only plain files and folders; links and submodules count as missing.
    const type = mode.startsWith('100') ? 'blob' : mode === FOLDER_MODE ? 'tree' : null
    if (type !== null) entries.push({ name: Buffer.from(name, 'latin1').toString('utf8'), type, id })
  }
  return entries
}

function unreadable(name: string): BelayError {
  return new BelayError('git_failed', `there is no ${name} in this repository`, { exit: 1, next: 'git fsck' })
}

/**
 * Reads from the folder `root` in its current state. Symbolic links below it are not followed. Throws `source_unreadable` for a
 * file that is too large or not UTF-8 text. Anything that cannot be opened counts as missing.
 */
export function folderFiles(root: string): SourceFiles {
  const real = async (path: string | null): Promise<string | null> => {
    if (path === null) return null
    try {
      const base = await realpath(root)
      const wanted = join(base, path)
      const found = await realpath(wanted)
      // If the paths differ in more than spelling (case, composed letters), a link leads elsewhere.
      return spelling(found) === spelling(wanted) ? found : null
    } catch {
      return null // missing, or not a valid file name
    }
  }
  return {
    async read(path) {
      const file = await real(plain(path))
      if (file === null) return null
      const found = await readRegular(file, MAX_BYTES).catch(() => null)
      if (found === null) return null
      if (found.bytes === null) throw tooLarge(path, found.size)
      return decode(path, found.bytes)
    },
    async list(path) {
      const folder = await real(plain(path))
      const entries = folder === null ? [] : await readdir(folder, { withFileTypes: true }).catch(() => [])
      return entries
        .filter((entry) => entry.isFile() || entry.isDirectory())
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .toSorted()
    },
  }
}

function spelling(path: string): string {
  return path
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\\/]+$/, '')
}

/** `path` without surrounding slashes; null: it is not a plain path below the root. */
function plain(path: string): string | null {
  const trimmed = path.replace(/^(?:\.\/)+|\/+$/g, '').replace(/^\.$/, '')
  const isPlain = trimmed === '' || trimmed.split('/').every((part) => !['', '.', '..'].includes(part))
  return isPlain && !trimmed.includes('\0') ? trimmed : null
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    // The byte order mark stays, so that an edited text is written back unchanged.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    // NUL bytes indicate UTF-16 without a byte order mark.
    if (text.includes('\0')) throw new TypeError('it holds NUL bytes')
    return text
  } catch (cause) {
    throw new BelayError('source_unreadable', `${path} is not UTF-8 text`, {
      expected: 'UTF-8',
      received: 'other bytes',
      next: `convert ${path} to UTF-8 and commit it`,
      cause,
    })
  }
}

function tooLarge(path: string, size: number): BelayError {
  return new BelayError('source_unreadable', `${path} is too large for a document of a task source`, {
    expected: `at most ${MAX_BYTES} bytes`,
    received: `${size} bytes`,
    next: `make ${path} smaller and commit it`,
  })
}

function remember<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key)
  if (known) return known
  const made = make()
  cache.set(key, made)
  return made
}
