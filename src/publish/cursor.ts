/** How far a run's events were published, beside the record: a process that goes on with the run goes on there. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface Cursor {
  /** The last event that a server has; 0: none. */
  readonly seq: number
  /** How many of the run's events that were. */
  readonly count: number
}

export function cursorFile(home: string, run: string): string {
  return join(home, 'publish', `${run}.json`)
}

/** From the beginning when there is none, or none that can be read: to publish twice does no harm, to leave out does. */
export async function readCursor(file: string): Promise<Cursor> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<Cursor> | null
    if (Number.isSafeInteger(value?.seq) && Number.isSafeInteger(value?.count)) return value as Cursor
  } catch {
    // not there, or torn: as if nothing was published
  }
  return { seq: 0, count: 0 }
}

/** Whole or not at all. */
export async function writeCursor(file: string, cursor: Cursor): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  await writeFile(draft, JSON.stringify(cursor), { mode: 0o600 })
  await rename(draft, file)
}
