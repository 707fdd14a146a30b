import { createHash } from 'node:crypto'
import { link, mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { isAlive, startTimeOf, thisHost, thisProcess } from '../../process/index.ts'
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
  return join(folder, `${createHash('sha256').update(commonDir).digest('hex').slice(0, 32)}.json`)
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
  await alone(folder, path, async () => {
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

const PATIENCE_MS = 120_000

/** Runs `work` alone among all processes that use this ledger; a holder that died is replaced at once. */
export async function alone<T>(folder: string, path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = `${path}.lock`
  const mine = `${lock}.${process.pid}-${randomId(8)}`
  await writeFile(mine, JSON.stringify({ ...thisHost(), ...thisProcess(), nonce: randomId(8) }), { mode: 0o600 })
  try {
    const deadline = Date.now() + PATIENCE_MS
    while (!(await tryLink(mine, lock))) {
      if (Date.now() > deadline) {
        throw new BelayError('guard_busy', `another Belay process holds ${lock}`, { exit: 1, next: 'belay status' })
      }
      await breakDead(lock)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    try {
      await sweep(folder, path)
      return await work()
    } finally {
      await rm(lock, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/** Removes what processes that died in here left beside the ledger. Under the lock nobody else is writing a new ledger. */
async function sweep(folder: string, path: string): Promise<void> {
  const stem = `${basename(path)}.`
  for (const name of await readdir(folder)) {
    if (!name.startsWith(stem) || name === `${stem}lock`) continue
    const waiter = /^lock\.(\d+)-/.exec(name.slice(stem.length))?.[1]
    if (waiter !== undefined) {
      const text = await readFile(join(folder, name), 'utf8').catch(() => '')
      if (text === '' ? startTimeOf(Number(waiter)) !== null : !isDead(text)) continue
    }
    await rm(join(folder, name), { force: true })
  }
}

async function tryLink(mine: string, lock: string): Promise<boolean> {
  try {
    await link(mine, lock)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function breakDead(lock: string): Promise<void> {
  const text = await readFile(lock, 'utf8').catch(() => '')
  if (text === '' || !isDead(text)) return
  // Somebody else may replace the dead lock at the same moment: what was moved away must be what was judged.
  const aside = `${lock}.${process.pid}-${randomId(8)}`
  await rename(lock, aside).catch(() => {})
  const moved = await readFile(aside, 'utf8').catch(() => '')
  if (moved !== '' && moved !== text) await tryLink(aside, lock)
  await rm(aside, { force: true })
}

function isDead(text: string): boolean {
  try {
    const owner = JSON.parse(text) as Turn['owner']
    const here = thisHost()
    return owner.host === here.host && (owner.boot !== here.boot || !isAlive(owner))
  } catch {
    return true // cut short by a full disk
  }
}
