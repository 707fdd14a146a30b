import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { conversationsIn } from './probe.ts'

/** What Claude Code appends to a conversation when its turn was interrupted. */
const INTERRUPTED = '[Request interrupted by user'

/** The most bytes of an addition that are read: the interruption is at the end. */
const MOST_ADDED = 4 << 20

/**
 * Watches the file of a conversation from now on. The returned function tells whether Claude Code has stored the interruption,
 * and so everything before it. Never throws; a file that cannot be read counts as not stored.
 */
export function watchInterruption(session: string, env: Readonly<Record<string, string>>): () => boolean {
  const before = sizeOf(fileOf(session, env))
  return () => {
    const file = fileOf(session, env)
    return file !== null && addedTo(file, before).includes(INTERRUPTED)
  }
}

/** Conversations are in a subfolder for each working directory. */
function fileOf(session: string, env: Readonly<Record<string, string>>): string | null {
  if (!/^[\w-]+$/.test(session)) return null
  const root = conversationsIn(env)
  try {
    const files = readdirSync(root).map((place) => join(root, place, `${session}.jsonl`))
    return files.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true) ?? null
  } catch {
    return null // there are no conversations yet
  }
}

function sizeOf(file: string | null): number {
  return file === null ? 0 : (statSync(file, { throwIfNoEntry: false })?.size ?? 0)
}

function addedTo(file: string, before: number): string {
  const from = Math.max(before, sizeOf(file) - MOST_ADDED)
  try {
    const opened = openSync(file, 'r')
    try {
      const added = Buffer.alloc(Math.max(0, sizeOf(file) - from))
      return added.toString('utf8', 0, readSync(opened, added, 0, added.length, from))
    } finally {
      closeSync(opened)
    }
  } catch {
    return '' // the file was removed meanwhile
  }
}
