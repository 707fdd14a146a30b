import { randomId } from '../../core/ids.ts'
import { BelayError, messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { open, readFile, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

interface Entry {
  readonly value: unknown
  /** The value as serialized in the file; computed once. */
  readonly text: string
}

/** The file as last read or written. If its mark has changed, the file is read again. */
interface Seen {
  readonly mark: string
  readonly entries: ReadonlyMap<string, Entry>
}

/**
 * The results of a batch: one JSON object {path: output}. Every write replaces the whole file, so readers always see a complete
 * object. Only one process may write to it (the holder of the batch's lease). Changes by others between two writes are kept.
 */
export class ResultsFile {
  readonly path: string
  #seen: Seen | null = null
  /** Serializes writes. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.path = path
  }

  /** Every path with its output; empty if there is no file. Throws `results_invalid` and leaves the file untouched. */
  async read(): Promise<ReadonlyMap<string, unknown>> {
    const entries = await this.#load()
    return new Map([...entries].map(([key, entry]) => [key, entry.value]))
  }

  /** Creates an empty results file if there is none, and deletes temporary files of writers that were killed. */
  async prepare(): Promise<void> {
    await this.#alone(async () => {
      const folder = dirname(this.path)
      for (const name of await readdir(folder)) {
        if (isTemporary(name, basename(this.path))) await rm(join(folder, name), { force: true })
      }
      const entries = await this.#load()
      if (this.#seen === null) await this.#write(entries)
    })
  }

  /**
   * Adds or replaces one result; it is on disk when this resolves. `stillOurs` is called immediately before the file is
   * replaced, and what it throws prevents that. Also throws `results_invalid` and `results_unwritable`.
   */
  async put(path: string, value: unknown, stillOurs: () => Promise<void>): Promise<void> {
    await this.#alone(async () => {
      const entries = new Map(await this.#load())
      entries.set(path, entryOf(value))
      await this.#write(entries, stillOurs)
    })
  }

  async #load(): Promise<ReadonlyMap<string, Entry>> {
    const mark = await markOf(this.path)
    if (mark === null) {
      this.#seen = null
      return new Map()
    }
    if (this.#seen?.mark !== mark) this.#seen = { mark, entries: parse(this.path, await readText(this.path)) }
    return this.#seen.entries
  }

  async #write(entries: ReadonlyMap<string, Entry>, stillOurs = async (): Promise<void> => {}): Promise<void> {
    try {
      // A symbolic link stays one: its target is replaced.
      const target = await realpath(this.path).catch(() => this.path)
      await replaceFile(target, serialize(entries), stillOurs)
      const mark = await markOf(this.path)
      this.#seen = mark === null ? null : { mark, entries }
    } catch (cause) {
      if (cause instanceof BelayError) throw cause
      throw new BelayError('results_unwritable', `${this.path} cannot be written: ${messageOf(cause)}`, {
        expected: 'a folder that can be written to, with room on its disk',
        next: 'fix that, then run the same command again: answers that were paid for are kept',
        cause,
      })
    }
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => {}) // the caller of `next` gets the error
    return next
  }
}

/** Whether `name` is a temporary file of an unfinished write of the results file `of`. */
export function isTemporary(name: string, of: string): boolean {
  return name.startsWith(`.${of}.belay-`) && name.endsWith('.tmp')
}

async function replaceFile(path: string, text: string, stillOurs: () => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.belay-${randomId(12)}.tmp`)
  const mode = await stat(path).then(
    (found) => found.mode & 0o777,
    () => null,
  )
  try {
    await using file = await open(temporary, 'wx', 0o666)
    if (mode !== null) await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
    await stillOurs()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await using folder = await open(dirname(path), 'r')
  await folder.sync()
}

/** Changes with every replacement of a file and with nearly every edit; null if the file does not exist. */
async function markOf(path: string): Promise<string | null> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return [ino, size, mtimeNs, ctimeNs].join(':')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw invalid(path, messageOf(error), error)
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw invalid(path, messageOf(cause), cause)
  }
}

function parse(path: string, text: string): ReadonlyMap<string, Entry> {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\u{feff}/u, ''))
  } catch (cause) {
    throw invalid(path, text.trim() === '' ? 'an empty file' : `no JSON (${messageOf(cause)})`, cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, Array.isArray(value) ? 'a list' : head(JSON.stringify(value), 80))
  }
  // Own entries only, so that a file called `__proto__` is handled like any other.
  return new Map(Object.entries(value).map(([key, entry]) => [key, entryOf(entry)]))
}

function entryOf(value: unknown): Entry {
  return { value, text: JSON.stringify(value, null, 2).replaceAll('\n', '\n  ') }
}

function serialize(entries: ReadonlyMap<string, Entry>): string {
  const keys = [...entries.keys()].sort()
  const lines = keys.map((key) => `  ${JSON.stringify(key)}: ${entries.get(key)?.text ?? 'null'}`)
  return lines.length === 0 ? '{}\n' : `{\n${lines.join(',\n')}\n}\n`
}

function invalid(path: string, received: string, cause?: unknown): BelayError {
  return new BelayError('results_invalid', `${path} does not hold the results of a batch; it was left as it is`, {
    expected: 'one JSON object {path: output}',
    received,
    next: 'move the file away or fix it, then run the same command again',
    ...(cause === undefined ? {} : { cause }),
  })
}
