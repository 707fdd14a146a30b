/**
 * The lines of a session: append-only JSONL. Appended lines never change; only an incomplete last line, left by a crash, is cut
 * off.
 */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { BelayError } from '../core/errors.ts'
import { isJsonObject } from '../core/json.ts'
import { SCHEMA, type Header, type SessionEntry, type StoredEntry } from './entries.ts'
import { isEntry } from './shape.ts'

export interface ReadLog {
  readonly header: Header
  readonly entries: readonly StoredEntry[]
  /** Bytes of complete lines. */
  readonly length: number
  /** Bytes of an incomplete last line, left by a crash; they are in no entry. */
  readonly torn: number
}

/** How to repair a session whose file is damaged. */
const RESTORE = 'restore the file, or remove the session: belay session delete SESSION --force'

/**
 * Reads all lines. Throws `session_damaged` if a line is not an entry (an incomplete last one is ignored), `session_newer` for
 * a later schema.
 */
export async function readLog(file: string): Promise<ReadLog> {
  return parseLog(await readFile(file), file)
}

/** Parses the lines in `bytes`. For errors, `name` says what is read and `next` how to repair it. */
export function parseLog(bytes: Buffer, name: string, next = RESTORE): ReadLog {
  const end = bytes.lastIndexOf(0x0a) + 1
  const lines = bytes.toString('utf8', 0, end).split('\n')
  lines.pop() // after the last line feed
  const parsed: unknown[] = []
  let length = end
  for (const [i, line] of lines.entries()) {
    const entry = parseLine(line)
    if (entry === undefined && i === lines.length - 1 && i > 0) {
      // After a power cut the last line may have its length but not its content.
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

/** undefined: not JSON. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Appends lines to a session, one after the other. */
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

  /** Opens a log that was read, and cuts off its incomplete last line. `allowed` is called before every append. */
  static async open(file: string, read: ReadLog, allowed: () => Promise<boolean>): Promise<LogWriter> {
    const handle = await open(file, 'a')
    if (read.torn > 0) {
      await handle.truncate(read.length)
      await handle.sync()
    }
    return new LogWriter(handle, read.length, allowed)
  }

  /**
   * Appends a line. Once this resolves, the line survives the death of this process and, with `durable`, a power cut (then so
   * do all lines before it). Throws `session_lost` if this process no longer holds the session.
   */
  append(entry: SessionEntry, durable: boolean): Promise<void> {
    const next = this.#turn.then(() => this.#write(entry, durable))
    this.#turn = next.catch(() => {}) // reported to the caller
    return next
  }

  async #write(entry: SessionEntry, durable: boolean): Promise<void> {
    if (!(await this.#allowed())) throw sessionLost()
    const line = Buffer.from(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`)
    try {
      for (let at = 0; at < line.length;) at += (await this.#handle.write(line, at)).bytesWritten
    } catch (error) {
      // A partial line (a full disk) would damage the next one. If truncating fails too, the file ends incomplete, as after a
      // crash.
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

/** The error for a write to a session that this process no longer holds. */
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
