import { join } from 'node:path'
import { Kysely, type Transaction } from 'kysely'
import { systemClock, type Clock } from '../core/clock.ts'
import { asRecordError, openDatabase } from './database.ts'
import { dialectOver } from './dialect.ts'
import type { Tables } from './tables.ts'

/** For reading: the database or a transaction. */
export type Reader = Kysely<Tables>
/** For writing: only inside a transaction, together with the event. */
export type Writer = Transaction<Tables>

const SQLITE_BUSY = 5
const BUSY_ROUNDS = 40

/** The record of all of a user's projects: events (what happened) and state tables (the current state). */
export class RecordStore {
  readonly home: string
  readonly clock: Clock
  readonly read: Reader
  readonly #path: string

  private constructor(home: string, path: string, read: Reader, clock: Clock) {
    this.home = home
    this.#path = path
    this.read = read
    this.clock = clock
  }

  /** Opens the record in the state folder `home`, creating or migrating it as needed; errors as `openDatabase`. */
  static open(home: string, clock: Clock = systemClock): RecordStore {
    const path = join(home, 'belay.db')
    const dialect = dialectOver(openDatabase(path), (error) => asRecordError(error, path))
    return new RecordStore(home, path, new Kysely<Tables>({ dialect }), clock)
  }

  /** The current time in ISO 8601, for rows and events. */
  now(): string {
    return new Date(this.clock.now()).toISOString()
  }

  /**
   * Runs `work` in one BEGIN IMMEDIATE transaction and commits it durably, or leaves no trace and rejects. `work` must be
   * short, and is run again while another process locks the database, so it must do nothing but read and write the record.
   */
  async write<T>(work: (tx: Writer) => Promise<T>): Promise<T> {
    for (let round = 0; ; round++) {
      try {
        return await this.read.transaction().execute(work)
      } catch (error) {
        const busy = ((error as { errcode?: number }).errcode ?? 0) & 0xff
        if (busy !== SQLITE_BUSY || round >= BUSY_ROUNDS) throw asRecordError(error, this.#path)
        await this.clock.sleepUntil(this.clock.now() + 5 + Math.random() * 20 * round)
      }
    }
  }

  async close(): Promise<void> {
    await this.read.destroy()
  }
}
