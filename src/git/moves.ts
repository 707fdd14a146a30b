import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../core/ids.ts'

export interface Move {
  readonly ref: string
  /** null: the ref is removed. */
  readonly after: string | null
}

/** Moves that were noted, and are about to be tried. */
export interface NotedMoves {
  /** Notes how it came out. Without it (Belay died) they may have been made or not. */
  end(made: boolean): Promise<void>
}

/**
 * Ref moves that Belay itself makes, written down before they are tried, and how each came out: this tells them from an
 * agent's (see guard/), also after a crash and to other runs in the same repository. One file per run. A line is
 * `VALUE REF ID` (`-` for a removal), or `made ID` or `refused ID`.
 */
export class MoveJournal {
  readonly #folder: string
  readonly #file: string

  /** `folder` is shared by all runs of the user; it is made when the first move is noted. */
  constructor(folder: string, run: string) {
    this.#folder = folder
    this.#file = join(folder, `${run}.moves`)
  }

  /** Notes moves durably, before they are tried. */
  async note(moves: readonly Move[]): Promise<NotedMoves> {
    if (moves.length === 0) return { end: async () => {} }
    const id = randomId(8)
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await this.#append(moves.map(({ ref, after }) => `${after ?? '-'} ${ref} ${id}\n`).join(''), true)
    // What is not known after a power cut is looked at, so this need not wait for the disk.
    return { end: (made) => this.#append(`${made ? 'made' : 'refused'} ${id}\n`, false) }
  }

  async #append(text: string, durably: boolean): Promise<void> {
    const file = await open(this.#file, 'a', 0o600)
    try {
      // A crash may have cut the last line short: the first of these must not become the rest of it.
      await file.write(`\n${text}`)
      if (durably) await file.datasync()
    } finally {
      await file.close()
    }
  }

  /**
   * Where this run may have put `ref`, oldest first: the value of the last move that is known to be made, then those noted
   * after it of which nobody knows. Null stands for a removed ref; empty when this run never moved it.
   */
  async places(ref: string): Promise<readonly (string | null)[]> {
    return placesIn(await readFile(this.#file, 'utf8').catch(() => ''), ref) // no move yet
  }

  /** Whether a run of Belay may have put the ref there last; where it was before that is not ours any more. */
  async isOurs(move: Move): Promise<boolean> {
    const names = await readdir(this.#folder).catch(() => []) // no run has moved anything yet
    for (const name of names.filter((one) => one.includes('.moves'))) {
      const text = await readFile(join(this.#folder, name), 'utf8').catch(() => '') // its run has just ended
      if (placesIn(text, move.ref).includes(move.after)) return true
    }
    return false
  }

  /** Forgets this run's moves, once it has ended; see `retireJournal` in guard/ for a repository in which turns still run. */
  async end(): Promise<void> {
    await rm(this.#file, { force: true })
  }

  /** Keeps this run's moves under a name that ends in `.moves.` and `until`, for whoever forgets them then. */
  async retire(until: string): Promise<void> {
    await rename(this.#file, `${this.#file}.${until}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error // it moved nothing, or has been retired before
    })
  }
}

function placesIn(text: string, ref: string): (string | null)[] {
  const lines = text.split('\n').map((line) => line.split(' '))
  const ends = new Map(lines.flatMap(([word = '', id]) => (id === undefined ? [] : [[`${word} ${id}`, true]])))
  let places: (string | null)[] = []
  for (const [value = '', name, id] of lines) {
    if (name !== ref || id === undefined || ends.has(`refused ${id}`)) continue
    const place = value === '-' ? null : value
    places = ends.has(`made ${id}`) ? [place] : [...places, place]
  }
  return places
}
