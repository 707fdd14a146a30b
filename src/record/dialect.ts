import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely'

/** How long SQLite itself waits for another process's write, in ms, before `write` takes over with its own retries. */
const BUSY_TIMEOUT_MS = 1500

/** Opens a database file as Belay uses it everywhere: foreign keys on, waits for a while when it is busy. */
export function openFile(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
}

/**
 * node:sqlite as Kysely's SqliteDialect wants it. Statements are kept prepared, as the same few run again and again. What
 * SQLite throws is thrown as `explain` makes it.
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

/** A transaction that begins as a reader and writes later fails at once when another process wrote in between. */
const IMMEDIATE = 'begin immediate'

/** A full disk and some other faults have rolled back already; a second rollback would hide what they were. */
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
