import { open, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { isAlive, thisHost } from '../../process/index.ts'
import { alone, meetingPoint } from '../alone.ts'
import type { MoveJournal } from '../moves.ts'
import { statOrNull } from './files.ts'
import type { Place } from './observe.ts'
import type { SharedState, Turn } from './state.ts'

/**
 * The state that the concurrent turns of one repository share, also across processes: the trusted state, and the running turns.
 * Without it, a turn that begins after another's agent has corrupted something would trust the corrupted state and restore it.
 */
export interface Ledger {
  readonly place: Place
  readonly trusted: SharedState
  readonly turns: readonly Turn[]
}

/** Path of a repository's ledger. `folder` is Belay's, outside the repository. */
export function ledgerPath(folder: string, commonDir: string): string {
  return meetingPoint(folder, commonDir, 'json')
}

/**
 * The ledger, and when one of its turns last showed a sign of life (ms); null: there is none. Throws `guard_failed` if it is
 * damaged: what agents then changed in the repository can no longer be told, and must not become the trusted state.
 */
export async function readLedger(path: string): Promise<{ ledger: Ledger; aliveAt: number } | null> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { ledger: JSON.parse(text) as Ledger, aliveAt: mtimeMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    if (error instanceof SyntaxError) throw damaged(path)
    throw error
  }
}

function damaged(path: string): BelayError {
  return new BelayError(
    'guard_failed',
    `${path}, Belay's note of the repository before its agents' turns, is damaged`,
    {
      exit: 1,
      next: "look whether an agent changed your repository's .git/config or .git/hooks, remove that file, then: belay resume",
    },
  )
}

/** Writes the ledger atomically and durably, or removes it when no turn is left. */
export async function writeLedger(path: string, ledger: Ledger): Promise<void> {
  if (ledger.turns.length === 0) {
    await rm(path, { force: true })
    await forgetRetired(path)
    return
  }
  const fresh = `${path}.${randomId(6)}`
  // Without `flush`, a power cut after the rename could leave an empty file.
  await writeFile(fresh, JSON.stringify(ledger), { mode: 0o600, flush: true })
  await rename(fresh, path)
  const folder = await open(dirname(path), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/**
 * Ends the journal of a run that has ended. If turns are running in the repository, it is kept for them: they have not compared
 * yet, and moves that this run made since they began are not their agents'. The last of these turns deletes it.
 */
export async function retireJournal(folder: string, commonDir: string, journal: MoveJournal): Promise<void> {
  const path = ledgerPath(folder, commonDir)
  await alone(path, async () => {
    if ((await statOrNull(path)) === null) await journal.end()
    else await journal.retire(basename(path, '.json'))
  })
}

async function forgetRetired(path: string): Promise<void> {
  const end = `.moves.${basename(path, '.json')}`
  for (const name of await readdir(dirname(path))) {
    if (name.endsWith(end)) await rm(join(dirname(path), name), { force: true })
  }
}

/** Renews a running turn's sign of life. */
export async function touchLedger(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => {}) // gone if the last turn has just ended
}

export function lives(turn: Turn): boolean {
  const here = thisHost()
  // A turn on another machine (on a shared disk) cannot be checked and counts as running.
  return turn.owner.host !== here.host || (turn.owner.boot === here.boot && isAlive(turn.owner))
}
