import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely'

/** How long SQLite itself waits for another process's write lock, in ms, before `write` retries. */
const BUSY_TIMEOUT_MS = 1500

/** Opens a database file with the settings that Belay always uses: foreign keys on, waiting while the file is busy. */
export function openFile(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
}

/**
 * node:sqlite in the form that Kysely's SqliteDialect expects. Prepared statements are cached, because the same few run again
 * and again. Errors of SQLite are converted by `explain` before they are thrown.
 */
export function dialectOver(database: DatabaseSync, explain: (error: unknown) => unknown): SqliteDialect {
  const prepared = new Map<string, SqliteStatement>()
  const tried: Tried = (work) => {
    try {
      return work()
    } catch (error) {
      throw explain(error)
    }
  }
  const adapter: SqliteDatabase = {
    close: () => database.close(),
    prepare(sql) {
      let statement = prepared.get(sql)
      if (!statement) {
        statement = wrap(
          tried(() => database.prepare(sql === 'begin' ? IMMEDIATE : sql)),
          tried,
        )
        if (sql === 'rollback') statement = onlyIn(database, statement)
        prepared.set(sql, statement)
      }
      return statement
    },
  }
  return new SqliteDialect({ database: adapter })
}

/** A transaction that begins by reading and writes later fails at once if another process has written in between. */
const IMMEDIATE = 'begin immediate'

/** A full disk and some other failures have already rolled back; a second rollback would fail and hide the cause. */
function onlyIn(database: DatabaseSync, rollback: SqliteStatement): SqliteStatement {
  return {
    ...rollback,
    run: (parameters) => (database.isTransaction ? rollback.run(parameters) : { changes: 0, lastInsertRowid: 0 }),
  }
}

type Tried = <T>(work: () => T) => T

function wrap(statement: StatementSync, tried: Tried): SqliteStatement {
  const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[]
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => tried(() => statement.all(...values(parameters))),
    run: (parameters) => tried(() => statement.run(...values(parameters))),
    iterate: (parameters) => tried(() => statement.iterate(...values(parameters)) as IterableIterator<unknown>),
  }
}
