import { randomId } from '../../core/ids.ts'
import { BelayError, messageOf } from '../../core/errors.ts'
import { head } from '../../core/text.ts'
import { open, readFile, readdir, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

interface Entry {
  readonly value: unknown
  /** The value as it is written, made once. */
  readonly text: string
}

/** How the file was when it was last read or written: another one is read again. */
interface Seen {
  readonly mark: string
  readonly entries: ReadonlyMap<string, Entry>
}

/**
 * The results of a batch: one JSON object {path: output}, rewritten as a whole after each file, so that readers always see
 * a complete one. Only one process may write it (the batch's lease). What others change in it between two writes is kept.
 */
export class ResultsFile {
  readonly path: string
  #seen: Seen | null = null
  /** Writes happen one at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.path = path
  }

  /** Every path with its output; empty when there is no file. Throws `results_invalid`, with the file untouched. */
  async read(): Promise<ReadonlyMap<string, unknown>> {
    const entries = await this.#load()
    return new Map([...entries].map(([key, entry]) => [key, entry.value]))
  }

  /** Makes an empty file when there is none, and takes away what a process that died while writing left. */
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
   * Adds (or replaces) one result durably: it is on disk when this resolves. Throws `results_invalid`, `results_unwritable`,
   * and what `stillOurs` throws, which is asked at the last moment before the file is replaced.
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
      // A link stays a link: what it leads to is replaced.
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
    this.#turn = next.catch(() => {}) // told to the one who asked
    return next
  }
}

/** Whether a file name is that of an unfinished write of the results file `of`. */
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

/** What changes with every replacement and nearly every edit of a file; null when there is none. */
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
  // Own entries only, so that a file called `__proto__` is one like any other.
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
