/** The lines of a session: append-only JSONL. What was appended is never changed; only a line that a crash tore is cut away. */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { BelayError } from '../core/errors.ts'
import { isJsonObject } from '../core/json.ts'
import { SCHEMA, type Header, type SessionEntry, type StoredEntry } from './entries.ts'
import { isEntry } from './shape.ts'

export interface ReadLog {
  readonly header: Header
  readonly entries: readonly StoredEntry[]
  /** Bytes of whole lines. */
  readonly length: number
  /** Bytes of a last line that a crash tore; they are in no entry. */
  readonly torn: number
}

/** What mends a session whose file is damaged. */
const RESTORE = 'restore the file, or remove the session: belay session delete SESSION --force'

/** Reads all lines. Throws `session_damaged` when a line in the middle is not one, `session_newer` for a later schema. */
export async function readLog(file: string): Promise<ReadLog> {
  return parseLog(await readFile(file), file)
}

/** The lines of `bytes`; `name` is what errors call them, `next` what mends them. */
export function parseLog(bytes: Buffer, name: string, next = RESTORE): ReadLog {
  const end = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.toString('utf8', 0, end).split('\n')
  lines.pop() // after the last line feed
  const parsed: unknown[] = []
  let length = end
  for (const [i, line] of lines.entries()) {
    const entry = parseLine(line)
    if (entry === undefined && i === lines.length - 1 && i > 0) {
      // A power cut may leave the room of the last line without its content.
      length -= Buffer.byteLength(line) + 1
      break
    }
    if (!isJsonObject(entry) || (i > 0 && !isEntry(entry))) throw damaged(name, i + 1, next)
    parsed.push(entry)
  }
  const header = parsed.shift() as Partial<Header> | undefined
  if (header?.type !== 'session' || typeof header.schema !== 'number' || typeof header.id !== 'string')
    throw damaged(name, 1, next)
  if (header.schema > SCHEMA) throw newer(name, header.schema)
  return { header: header as Header, entries: parsed as StoredEntry[], length, torn: bytes.length - length }
}

/** undefined: no JSON. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Appends to a session's lines, one after the other. */
export class LogWriter {
  readonly #handle: FileHandle
  readonly #allowed: () => Promise<boolean>
  #length: number
  #turn: Promise<void> = Promise.resolve()

  private constructor(handle: FileHandle, length: number, allowed: () => Promise<boolean>) {
    this.#handle = handle
    this.#length = length
    this.#allowed = allowed
  }

  /** Opens a log that was read, cutting away the torn line. `allowed` is asked before every append. */
  static async open(file: string, read: ReadLog, allowed: () => Promise<boolean>): Promise<LogWriter> {
    const handle = await open(file, 'a')
    if (read.torn > 0) {
      await handle.truncate(read.length)
      await handle.sync()
    }
    return new LogWriter(handle, read.length, allowed)
  }

  /**
   * Appends a line. When it resolves it survives the death of this process and, with `durable`, a power cut (then so do all
   * lines before it). Throws `session_lost` when the session was taken away.
   */
  append(entry: SessionEntry, durable: boolean): Promise<void> {
    const next = this.#turn.then(() => this.#write(entry, durable))
    this.#turn = next.catch(() => {}) // told to whoever appended it
    return next
  }

  async #write(entry: SessionEntry, durable: boolean): Promise<void> {
    if (!(await this.#allowed())) throw sessionLost()
    const line = Buffer.from(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`)
    try {
      for (let at = 0; at < line.length;) at += (await this.#handle.write(line, at)).bytesWritten
    } catch (error) {
      // Half a line (a full disk) would damage what is appended after it; if even this fails, the file ends torn, as after a crash.
      await this.#handle.truncate(this.#length).catch(() => {})
      throw error
    }
    this.#length += line.length
    if (durable) await this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#handle.close()
  }
}

/** The first line of a new session. */
export function headerLine(id: string, createdAt: string): string {
  return `${JSON.stringify({ type: 'session', schema: SCHEMA, id, created_at: createdAt } satisfies Header)}\n`
}

/** The error for one who writes a session that is not his any more. */
export function sessionLost(): BelayError {
  return new BelayError('session_lost', 'the session was unlocked, taken over or removed while it was in use', {
    next: 'belay session list',
  })
}

function damaged(name: string, line: number, next: string): BelayError {
  return new BelayError('session_damaged', `line ${line} of ${name} is not a session entry`, {
    expected: 'JSON lines that begin with a session header',
    next,
  })
}

function newer(name: string, schema: number): BelayError {
  return new BelayError('session_newer', `${name} was written by a newer Belay`, {
    expected: `schema ${SCHEMA} or older`,
    received: `schema ${schema}`,
    next: 'update Belay',
  })
}
