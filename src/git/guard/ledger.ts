import { readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { isAlive, thisHost } from '../../process/index.ts'
import { alone, meetingPoint } from '../alone.ts'
import type { MoveJournal } from '../moves.ts'
import type { Place } from './observe.ts'
import type { SharedState, Turn } from './state.ts'

/**
 * What the turns of a repository that run at the same time share, also over processes: the state that is known to be good,
 * and who is at work. Without it, a turn that begins after another's agent spoiled something would take the spoilt state
 * for good and bring it back.
 */
export interface Ledger {
  readonly place: Place
  readonly trusted: SharedState
  readonly turns: readonly Turn[]
}

/** Where a repository's ledger is; `folder` is Belay's, outside the repository. */
export function ledgerPath(folder: string, commonDir: string): string {
  return meetingPoint(folder, commonDir, 'json')
}

/** The ledger and when its last turn was known to run; null when there is none or it is damaged. */
export async function readLedger(path: string): Promise<{ ledger: Ledger; aliveAt: number } | null> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { ledger: JSON.parse(text) as Ledger, aliveAt: mtimeMs }
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

export async function writeLedger(path: string, ledger: Ledger): Promise<void> {
  if (ledger.turns.length === 0) {
    await rm(path, { force: true })
    await forgetRetired(path)
    return
  }
  const fresh = `${path}.${randomId(6)}`
  await writeFile(fresh, JSON.stringify(ledger), { mode: 0o600 })
  await rename(fresh, path)
}

/**
 * Ends the journal of a run that has ended. While turns run in the repository it stays: they have yet to compare, and what
 * that run moved after they began (or took away at its end) is not their agents' doing. The last of them forgets it.
 */
export async function retireJournal(folder: string, commonDir: string, journal: MoveJournal): Promise<void> {
  const path = ledgerPath(folder, commonDir)
  await alone(path, async () => {
    if ((await readLedger(path)) === null) await journal.end()
    else await journal.retire(basename(path, '.json'))
  })
}

async function forgetRetired(path: string): Promise<void> {
  const end = `.moves.${basename(path, '.json')}`
  for (const name of await readdir(dirname(path))) {
    if (name.endsWith(end)) await rm(join(dirname(path), name), { force: true })
  }
}

/** Says that a turn still runs. */
export async function touchLedger(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {}) // gone when the last turn has just ended
}

export function lives(turn: Turn): boolean {
  const here = thisHost()
  // A turn of another machine on a shared disk cannot be asked: it counts as running.
  return turn.owner.host !== here.host || (turn.owner.boot === here.boot && isAlive(turn.owner))
}
