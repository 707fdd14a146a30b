import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SessionEntry, StoredEntry, TurnEnding } from './entries.ts'
import type { HeldLock } from './lock.ts'
import { LogWriter, readLog, sessionLost } from './log.ts'
import { writeMeta, type SessionMeta } from './meta.ts'

export const LOG = 'session.jsonl'

/** A session that this process holds. It must be closed in any case. */
export class Session {
  readonly folder: string
  /** Bytes of an incomplete last line that was cut off when the session was opened. */
  readonly torn: number
  readonly #lock: HeldLock
  readonly #log: LogWriter
  readonly #entries: StoredEntry[]
  #meta: SessionMeta

  private constructor(
    folder: string,
    lock: HeldLock,
    meta: SessionMeta,
    log: { readonly writer: LogWriter; readonly entries: readonly StoredEntry[]; readonly torn: number },
  ) {
    this.folder = folder
    this.#lock = lock
    this.#meta = meta
    this.#log = log.writer
    this.#entries = [...log.entries]
    this.torn = log.torn
  }

  static async open(folder: string, lock: HeldLock, meta: SessionMeta): Promise<Session> {
    const file = join(folder, LOG)
    const read = await readLog(file)
    // Questions of a dead holder: nobody waits for their answers.
    await rm(join(folder, 'asks'), { recursive: true, force: true })
    const writer = await LogWriter.open(file, read, () => lock.isHeld())
    return new Session(folder, lock, meta, { writer, entries: read.entries, torn: read.torn })
  }

  get id(): string {
    return this.#meta.id
  }

  get meta(): SessionMeta {
    return this.#meta
  }

  /** Every line so far, including those before a `cleared`. */
  get entries(): readonly StoredEntry[] {
    return this.#entries
  }

  /** The lines of the present conversation: those after the last `cleared`. */
  get current(): readonly StoredEntry[] {
    return this.#entries.slice(this.#entries.findLastIndex((entry) => entry.type === 'cleared') + 1)
  }

  /** Creates and returns a folder for what tools keep: whole outputs, the task list. It is outside of the workspace. */
  async store(): Promise<string> {
    const folder = join(this.folder, 'files')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return folder
  }

  /** The engine's conversation: opaque and lossless; an entry is durable once `append` resolves. */
  readonly history = {
    load: (): Promise<readonly unknown[]> =>
      Promise.resolve(this.current.flatMap((line) => (line.type === 'history' ? [line.entry] : []))),
    append: (entry: unknown): Promise<void> => this.append({ type: 'history', entry }, true),
  }

  /** The native id under which `provider` knows this conversation, if it last ran in `cwd`; else null. */
  native(provider: string, cwd: string): string | null {
    const found = this.current.findLast((line) => line.type === 'native' && line.provider === provider)
    return found?.type === 'native' && found.cwd === cwd ? found.native : null
  }

  /** The newest turn that ended, or null. */
  lastTurn(): { readonly prompt: string; readonly provider: string; readonly ending: TurnEnding } | null {
    const ending = this.current.findLast((line) => line.type === 'turn_ended')
    if (ending?.type !== 'turn_ended') return null
    const begun = this.current.findLast((line) => line.type === 'turn' && line.turn === ending.turn)
    return begun?.type === 'turn' ? { prompt: begun.prompt, provider: begun.agent.provider, ending } : null
  }

  /** Appends a line. Once this resolves, it survives kill -9 and, with `durable`, a power cut. Throws `session_lost`. */
  async append(entry: SessionEntry, durable = false): Promise<void> {
    await this.#log.append(entry, durable)
    this.#entries.push({ time: new Date().toISOString(), ...entry })
  }

  /** Changes the session's metadata. Throws `session_lost`. */
  async change(change: Partial<Omit<SessionMeta, 'id' | 'createdAt'>>): Promise<void> {
    await this.assertHeld()
    this.#meta = { ...this.#meta, ...change }
    await writeMeta(this.folder, this.#meta)
  }

  /** Throws `session_lost` if this process no longer holds the session. */
  async assertHeld(): Promise<void> {
    if (!(await this.#lock.isHeld())) throw sessionLost()
  }

  /** Closes the log and releases the session. Repeatable. */
  async close(): Promise<void> {
    try {
      await this.#log.close().catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EBADF') throw error // closed before
      })
    } finally {
      await this.#lock.release()
    }
  }
}
