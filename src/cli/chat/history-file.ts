import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const MAX = 500

/** Longest prompt that is kept, in characters, because the file is always read and written whole. */
const MAX_LENGTH = 10_000

function fileIn(home: string): string {
  return join(home, 'chat-history.json')
}

/** Prompts of earlier chats, the newest first; empty if there are none or they cannot be read. */
export async function readHistory(home: string): Promise<string[]> {
  try {
    const found = JSON.parse(await readFile(fileIn(home), 'utf8')) as unknown
    return Array.isArray(found) ? found.filter((one) => typeof one === 'string').slice(0, MAX) : []
  } catch {
    return [] // only a convenience: an unreadable history starts over
  }
}

/**
 * Keeps a prompt for later chats, before those that other chats have kept meanwhile. The file is readable by its user only.
 * Very long prompts are left out.
 */
export async function addToHistory(home: string, prompt: string): Promise<void> {
  if (prompt.length > MAX_LENGTH) return
  const earlier = await readHistory(home)
  await mkdir(home, { recursive: true, mode: 0o700 })
  const temporary = `${fileIn(home)}~${process.pid}`
  const prompts = [prompt, ...earlier.filter((one) => one !== prompt)]
  await writeFile(temporary, JSON.stringify(prompts.slice(0, MAX)), { mode: 0o600 })
  await rename(temporary, fileIn(home))
}
