import { readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomId } from '../core/ids.ts'
import { startTimeOf } from '../process/index.ts'
import { standingGit, unanswered, type Reading } from './standing.ts'

/** Reads and writes git's objects without starting a process for each. */

export interface FoundObject {
  readonly id: string
  readonly type: string
  readonly size: number
}

export interface GitObject extends FoundObject {
  readonly content: Buffer
}

const READER = ['cat-file', '--batch-command', '-z'] as const

/** The object that `name` stands for (anything that git can resolve: a ref, `COMMIT^{tree}`, `TREE:path`); null: none. */
export async function findObject(root: string, name: string): Promise<FoundObject | null> {
  return read(root, 'info', name, (seen) => {
    const found = header(seen, name)
    return 'value' in found ? { value: found.value?.object ?? null } : found
  })
}

/** As `findObject`, with its content. */
export async function readObject(root: string, name: string): Promise<GitObject | null> {
  return read(root, 'contents', name, (seen) => {
    const found = header(seen, name)
    if (!('value' in found)) return found
    if (found.value === null) return { value: null }
    const { start, object } = found.value
    const end = start + object.size
    // A line feed follows the content.
    if (seen.length < end + 1) return { more: end + 1 }
    return { value: { ...object, content: seen.subarray(start, end) } }
  })
}

async function read<T>(root: string, verb: string, name: string, reading: (seen: Buffer) => Reading<T>): Promise<T> {
  try {
    return await (await standingGit(root, READER)).ask(`${verb} ${name}\0`, reading)
  } catch (error) {
    throw unanswered(READER, error)
  }
}

/** Git's answers when there is no object. */
const NONE = /^(?:missing|ambiguous|submodule)$/

/** Parses `ID TYPE SIZE`, or the echoed name and why there is no object. */
export function header(
  seen: Buffer,
  name: string,
): Reading<{ readonly object: FoundObject; readonly start: number } | null> {
  // Compared as bytes (latin1), because the answer may be incomplete and the name may contain a line feed.
  const echo = `${Buffer.from(name, 'utf8').toString('latin1')} `
  const text = seen.toString('latin1', 0, echo.length + 200)
  const more = { more: seen.length + 1 }
  if (text.length < echo.length && echo.startsWith(text)) return more
  const [line, id = '', type = '', size = ''] = /^([0-9a-f]{40,64}) (\w+) (\d+)\n/.exec(text) ?? []
  if (line !== undefined) return { value: { object: { id, type, size: Number(size) }, start: line.length } }
  const rest = text.startsWith(echo) ? text.slice(echo.length) : text
  const end = rest.indexOf('\n')
  if (end === -1) return rest.length > 200 ? { wrong: text } : more
  return rest !== text && NONE.test(rest.slice(0, end)) ? { value: null } : { wrong: text }
}

const OBJECT_FILE = 'belay-object-'

/** Removes temporary files of `writeObject` that a killed Belay left behind. */
export async function sweepObjectFiles(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(OBJECT_FILE) ? Number.parseInt(name.slice(OBJECT_FILE.length), 10) : Number.NaN
    if (Number.isInteger(pid) && startTimeOf(pid) === null) await rm(join(tmpdir(), name), { force: true })
  }
}

/** Stores an object and returns its id. Only git itself checks the text of a commit. */
export async function writeObject(root: string, type: 'blob' | 'commit', content: string | Buffer): Promise<string> {
  const writer = ['hash-object', '-w', '-t', type, '--no-filters', '--stdin-paths']
  const file = join(tmpdir(), `${OBJECT_FILE}${process.pid}-${randomId(16)}`)
  await writeFile(file, content, { mode: 0o600, flag: 'wx' })
  try {
    return await (await standingGit(root, writer)).ask(`${file}\n`, idLine)
  } catch (error) {
    throw unanswered(writer, error)
  } finally {
    await rm(file, { force: true })
  }
}

/** One entry of a tree. Names are bytes as latin1 text, because git does not promise UTF-8. */
export interface TreeEntry {
  readonly mode: string
  readonly id: string
}

export type Tree = ReadonlyMap<string, TreeEntry>

/** The entries of one folder; null: `name` stands for nothing, or not for a tree. */
export async function readTree(root: string, name: string): Promise<Tree | null> {
  const object = await readObject(root, name)
  return object?.type === 'tree' ? parseTree(object.content, object.id.length / 2) : null
}

function parseTree(content: Buffer, idBytes: number): Tree {
  const entries = new Map<string, TreeEntry>()
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, space)
    const next = end + 1 + idBytes
    const mode = content.toString('latin1', at, space).padStart(6, '0')
    entries.set(content.toString('latin1', space + 1, end), { mode, id: content.toString('hex', end + 1, next) })
    at = next
  }
  return entries
}

const TREE_WRITER = ['mktree', '-z', '--batch', '--missing'] as const

/** Stores a folder and returns its id. Git sorts the entries. */
export async function writeTree(root: string, tree: Tree): Promise<string> {
  const lines = [...tree].map(([name, { mode, id }]) => `${mode} ${typeOf(mode)} ${id}\t${name}\0`)
  try {
    const writer = await standingGit(root, TREE_WRITER)
    return await writer.ask(Buffer.from(`${lines.join('')}\0`, 'latin1'), idLine)
  } catch (error) {
    throw unanswered(TREE_WRITER, error)
  }
}

export const FOLDER_MODE = '040000'

/** Mode of a submodule pointer in a tree. */
export const GITLINK = '160000'

function typeOf(mode: string): string {
  if (mode === FOLDER_MODE) return 'tree'
  return mode === '160000' ? 'commit' : 'blob'
}

function idLine(seen: Buffer): Reading<string> {
  const text = seen.toString('latin1', 0, 70)
  const id = /^([0-9a-f]{40,64})\n/.exec(text)?.[1]
  if (id !== undefined) return { value: id }
  return text.includes('\n') || text.length === 70 ? { wrong: text } : { more: seen.length + 1 }
}
