/** How far a run's events have been published. Kept beside the record, so that a later process continues from there. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface Cursor {
  /** The last event that the server has; 0: none. */
  readonly seq: number
  /** How many of the run's events have been published. */
  readonly count: number
}

export function cursorFile(home: string, run: string): string {
  return join(home, 'publish', `${run}.json`)
}

/** Starts from the beginning if there is no readable cursor: publishing twice does no harm, leaving out does. */
export async function readCursor(file: string): Promise<Cursor> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<Cursor> | null
    if (Number.isSafeInteger(value?.seq) && Number.isSafeInteger(value?.count)) return value as Cursor
  } catch {
    // missing or torn: publish from the beginning
  }
  return { seq: 0, count: 0 }
}

/** Writes the cursor atomically. */
export async function writeCursor(file: string, cursor: Cursor): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  await writeFile(draft, JSON.stringify(cursor), { mode: 0o600 })
  await rename(draft, file)
}
