import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import type { Reason } from '../../core/words.ts'

/** Folders (and git's link file) that a batch never reads, at any depth. */
const OWN_NAMES: ReadonlySet<string> = new Set(['.git', '.belay', 'node_modules'])

export type Input =
  | { readonly kind: 'text'; readonly text: string; readonly digest: string }
  /** The file cannot be sent as it is; another try does not help. */
  | { readonly kind: 'unsuitable'; readonly reason: Reason }
  /** The file could not be read this time. */
  | { readonly kind: 'unreadable'; readonly reason: Reason }

/** Whether a path (relative, with `/`) lies in a folder that a batch never reads. */
export function isOwn(path: string): boolean {
  return path.split('/').some((name) => OWN_NAMES.has(name))
}

/**
 * Reads a file of the batch as it is now: UTF-8 text of at most `maxBytes` that lies inside `root` after links are resolved.
 * Never throws, and never reads more than one byte beyond `maxBytes`.
 */
export async function readInput(root: string, path: string, maxBytes: number): Promise<Input> {
  try {
    const file = await realpath(join(root, path))
    const inside = relative(root, file)
    if (inside === '' || inside.startsWith('../') || inside.startsWith('/') || isOwn(inside)) {
      return unsuitable('file_outside', 'it is a link that leads out of the folder of the batch')
    }
    // Non-blocking: if a pipe has replaced the file, a blocking open would wait for the other end.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    return await readText(handle, maxBytes)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const message = missing
      ? 'the file is gone (or its name is not valid UTF-8)'
      : `it cannot be read: ${messageOf(error)}`
    return { kind: 'unreadable', reason: { code: missing ? 'file_missing' : 'file_unreadable', message } }
  }
}

async function readText(handle: FileHandle, maxBytes: number): Promise<Input> {
  const stat = await handle.stat()
  if (!stat.isFile()) return unsuitable('file_special', 'it is not a regular file')
  const buffer = Buffer.alloc(Math.min(stat.size, maxBytes) + 1)
  let length = 0
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
    length += bytesRead
    if (bytesRead === 0 || length === buffer.length) break
  }
  if (Math.max(length, stat.size) > maxBytes) {
    return unsuitable(
      'file_too_large',
      `it has ${Math.max(length, stat.size)} bytes, more than max_file_size (${maxBytes})`,
    )
  }
  if (length === buffer.length) {
    return { kind: 'unreadable', reason: { code: 'file_unreadable', message: 'it grew while it was read' } }
  }
  return decode(buffer.subarray(0, length))
}

function decode(bytes: Buffer): Input {
  const text = utf8(bytes)
  if (text === null || text.includes('\0')) return unsuitable('file_binary', 'it is binary or not in UTF-8')
  return { kind: 'text', text, digest: createHash('sha256').update(bytes).digest('hex') }
}

function utf8(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null // the strict decoder throws for any input that is not UTF-8
  }
}

function unsuitable(code: string, message: string): Input {
  return { kind: 'unsuitable', reason: { code, message } }
}
