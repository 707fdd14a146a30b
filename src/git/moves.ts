import { mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Ref moves that Belay itself makes, written down before they are made: this tells them from an agent's (see guard/), also
 * after a crash and to other runs in the same repository. One file per run, one line per move.
 */
export class MoveJournal {
  readonly #folder: string
  readonly #file: string

  /** `folder` is shared by all runs of the user; it is made when the first move is noted. */
  constructor(folder: string, run: string) {
    this.#folder = folder
    this.#file = join(folder, `${run}.moves`)
  }

  /** Notes moves durably; `after` null means that the ref is removed. */
  async note(moves: readonly { readonly ref: string; readonly after: string | null }[]): Promise<void> {
    if (moves.length === 0) return
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const file = await open(this.#file, 'a', 0o600)
    try {
      // A crash may have cut the last line short: the first of these must not become the rest of it.
      await file.write(`\n${moves.map(({ ref, after }) => `${after ?? '-'} ${ref}\n`).join('')}`)
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  /** Where this run last meant to move `ref`; null when it never did (or removed it). */
  async latest(ref: string): Promise<string | null> {
    const text = await readFile(this.#file, 'utf8').catch(() => '') // no move yet
    const last = lastMove(text, ref)
    const after = last?.slice(0, last.indexOf(' ')) ?? '-'
    return after === '-' ? null : after
  }

  /** Whether this is where a run of Belay last meant to move the ref; where it was before that is not ours any more. */
  async isOurs(move: { readonly ref: string; readonly after: string | null }): Promise<boolean> {
    const wanted = `${move.after ?? '-'} ${move.ref}`
    const names = await readdir(this.#folder).catch(() => []) // no run has moved anything yet
    for (const name of names.filter((one) => one.includes('.moves'))) {
      const text = await readFile(join(this.#folder, name), 'utf8').catch(() => '') // its run has just ended
      if (lastMove(text, move.ref) === wanted) return true
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

/** The last line of a journal that tells of `ref`: the new value, a space and the ref. */
function lastMove(text: string, ref: string): string | undefined {
  return text.split('\n').findLast((line) => line.slice(line.indexOf(' ') + 1) === ref)
}
