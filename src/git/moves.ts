import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../core/ids.ts'

export interface Move {
  readonly ref: string
  /** null: the ref is removed. */
  readonly after: string | null
}

/** Moves that are noted and about to be tried. */
export interface NotedMoves {
  /** Notes the outcome. Without it (Belay died), the moves may have been made or not. */
  end(made: boolean): Promise<void>
}

/**
 * A journal of the ref moves that Belay itself makes. Moves are noted before they are tried, and their outcome afterwards. This
 * tells Belay's moves from an agent's (see guard/), also after a crash and for other runs in the same repository. One file per
 * run. A line is `VALUE REF ID` (`-` for a removal), `made ID` or `refused ID`.
 */
export class MoveJournal {
  readonly #folder: string
  readonly #file: string

  /** `folder` is shared by all of the user's runs; it is created when the first move is noted. */
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
    // The outcome need not be durable: after a power cut, unknown outcomes are found by checking the refs.
    return { end: (made) => this.#append(`${made ? 'made' : 'refused'} ${id}\n`, false) }
  }

  async #append(text: string, durably: boolean): Promise<void> {
    const file = await open(this.#file, 'a', 0o600)
    try {
      // A crash may have truncated the last line, which the first new line must not continue.
      await file.write(`\n${text}`)
      if (durably) await file.datasync()
    } finally {
      await file.close()
    }
  }

  /**
   * Values that this run may have given to `ref`, oldest first: the value of the last move known to be made, then those of
   * later moves with unknown outcome. Null stands for a removed ref. Empty: this run never moved the ref.
   */
  async places(ref: string): Promise<readonly (string | null)[]> {
    return placesIn(await readFile(this.#file, 'utf8').catch(() => ''), ref) // no move yet
  }

  /**
   * Whether some run of Belay may have made the last move of the ref to this value. Values before the last known move do not
   * count.
   */
  async isOurs(move: Move): Promise<boolean> {
    const names = await readdir(this.#folder).catch(() => []) // no run has moved anything yet
    for (const name of names.filter((one) => one.includes('.moves'))) {
      const text = await readFile(join(this.#folder, name), 'utf8').catch(() => '') // its run has just ended
      if (placesIn(text, move.ref).includes(move.after)) return true
    }
    return false
  }

  /**
   * Deletes this run's journal after the run has ended; if turns may still run in the repository, use `retireJournal` in
   * guard/.
   */
  async end(): Promise<void> {
    await rm(this.#file, { force: true })
  }

  /** Renames this run's journal so that it ends in `.moves.` and `until`; the last turn in the repository deletes it then. */
  async retire(until: string): Promise<void> {
    await rename(this.#file, `${this.#file}.${until}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error // the run moved nothing, or its journal was retired before
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
