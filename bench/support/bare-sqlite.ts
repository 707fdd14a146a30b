import { DatabaseSync } from 'node:sqlite'

/** The minimal durable event log: one prepared insert per commit, with the pragmas of Belay's record. */
export class BareLog {
  readonly #database: DatabaseSync
  readonly #insert

  constructor(file: string) {
    this.#database = new DatabaseSync(file)
    this.#database.exec('pragma journal_mode = wal; pragma synchronous = full')
    this.#database.exec(
      'create table events (seq integer primary key, time text, type text, run text, data text) strict',
    )
    this.#insert = this.#database.prepare('insert into events (time, type, run, data) values (?, ?, ?, ?)')
  }

  append(type: string, run: string, data: unknown): void {
    this.#insert.run(new Date().toISOString(), type, run, JSON.stringify(data))
  }

  /** The minimal step of a state machine: one update and one event in one transaction. */
  step(write: () => void): void {
    this.#database.exec('begin immediate')
    write()
    this.#database.exec('commit')
  }

  exec(sql: string): void {
    this.#database.exec(sql)
  }

  read(): unknown[] {
    const rows = this.#database.prepare('select * from events order by seq').all()
    return rows.map((row) => ({ ...row, data: JSON.parse(String(row['data'])) as unknown }))
  }

  close(): void {
    this.#database.close()
  }
}
