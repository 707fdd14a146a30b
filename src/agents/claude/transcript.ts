import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { conversationsIn } from './probe.ts'

/** What Claude Code adds to a conversation whose turn was interrupted. */
const INTERRUPTED = '[Request interrupted by user'

/** The most that is read of what was added: that it was interrupted comes last. */
const MOST_ADDED = 4 << 20

/**
 * Watches the file of a conversation, from now on: the function that is returned tells whether Claude Code has written that it
 * was interrupted, and with it all that came before. Never throws; what cannot be read was not written.
 */
export function watchInterruption(session: string, env: Readonly<Record<string, string>>): () => boolean {
  const before = sizeOf(fileOf(session, env))
  return () => {
    const file = fileOf(session, env)
    return file !== null && addedTo(file, before).includes(INTERRUPTED)
  }
}

/** Conversations lie in a folder for each place they were begun in. */
function fileOf(session: string, env: Readonly<Record<string, string>>): string | null {
  if (!/^[\w-]+$/.test(session)) return null
  const root = conversationsIn(env)
  try {
    const files = readdirSync(root).map((place) => join(root, place, `${session}.jsonl`))
    return files.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true) ?? null
  } catch {
    return null // there are none yet
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
    return '' // it went while we looked
  }
}
