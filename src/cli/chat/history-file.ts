import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const MAX = 500

function fileIn(home: string): string {
  return join(home, 'chat-history.json')
}

/** Prompts of earlier chats, the newest first; none when there are none or they cannot be read. */
export async function readHistory(home: string): Promise<string[]> {
  try {
    const found = JSON.parse(await readFile(fileIn(home), 'utf8')) as unknown
    return Array.isArray(found) ? found.filter((one) => typeof one === 'string').slice(0, MAX) : []
  } catch {
    return [] // a convenience: what cannot be read begins anew
  }
}

/** Keeps prompts for later chats, readable by the user alone. */
export async function writeHistory(home: string, prompts: readonly string[]): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  const temporary = `${fileIn(home)}~${process.pid}`
  await writeFile(temporary, JSON.stringify(prompts.slice(0, MAX)), { mode: 0o600 })
  await rename(temporary, fileIn(home))
}
