import { sql } from 'kysely'
import { randomId } from '../core/ids.ts'
import type { Reader, Writer } from './record.ts'
import type { Tables } from './tables.ts'

/** A question to a person, as opened by a phase. */
export interface NewCheckpoint {
  readonly kind: string
  readonly question: string
  /** Accepted values. */
  readonly options: readonly string[]
  /** What the person needs to decide; JSON, capped by the asker. */
  readonly context: Readonly<Record<string, unknown>>
}

export interface CheckpointRow extends NewCheckpoint {
  readonly id: string
  readonly run: string
  readonly task: string
  readonly status: 'open' | 'answered' | 'cancelled'
  readonly answer: string | null
  readonly note: string | null
  readonly createdAt: string
  readonly closedAt: string | null
}

/** The order of opening among the checkpoints of one millisecond: ids are random, and SQLite counts rows up. */
const ROW = sql<number>`rowid`

/** Opens a checkpoint in the caller's transaction and returns its id. */
export async function openCheckpoint(
  tx: Writer,
  run: string,
  task: string,
  now: string,
  question: NewCheckpoint,
): Promise<string> {
  const id = `cp-${randomId(8)}`
  await tx
    .insertInto('checkpoints')
    .values({
      id,
      run,
      task,
      kind: question.kind,
      question: question.question,
      options: JSON.stringify(question.options),
      context: JSON.stringify(question.context),
      status: 'open',
      answer: null,
      note: null,
      answered_by: null,
      created_at: now,
      closed_at: null,
    })
    .execute()
  return id
}

/** Answers an open checkpoint. False: it is no longer open (already answered, or cancelled). */
export async function answerCheckpoint(
  tx: Writer,
  id: string,
  now: string,
  answer: string,
  note: string | null,
  by: string,
): Promise<boolean> {
  const result = await tx
    .updateTable('checkpoints')
    .set({ status: 'answered', answer, note, answered_by: by, closed_at: now })
    .where('id', '=', id)
    .where('status', '=', 'open')
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** Cancels a checkpoint, if it is still open, because nobody waits for its answer any more. */
export async function closeCheckpoint(tx: Writer, id: string, now: string): Promise<void> {
  await tx
    .updateTable('checkpoints')
    .set({ status: 'cancelled', closed_at: now })
    .where('id', '=', id)
    .where('status', '=', 'open')
    .execute()
}

/** Cancels every open checkpoint of a task, because its asker has ended. */
export async function cancelCheckpoints(tx: Writer, run: string, task: string, now: string): Promise<void> {
  await tx
    .updateTable('checkpoints')
    .set({ status: 'cancelled', closed_at: now })
    .where('run', '=', run)
    .where('task', '=', task)
    .where('status', '=', 'open')
    .execute()
}

/** The checkpoint with this id, or null. */
export async function findCheckpoint(db: Reader | Writer, id: string): Promise<CheckpointRow | null> {
  const row = await db.selectFrom('checkpoints').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? toCheckpoint(row) : null
}

/** Checkpoints of the given runs (absent: of all runs), oldest first; only the open ones with `open`. */
export async function listCheckpoints(
  db: Reader,
  filter: { readonly runs?: readonly string[]; readonly open?: boolean },
): Promise<CheckpointRow[]> {
  let query = db.selectFrom('checkpoints').selectAll().orderBy('created_at').orderBy(ROW)
  if (filter.runs !== undefined) query = query.where('run', 'in', filter.runs.length === 0 ? [''] : filter.runs)
  if (filter.open === true) query = query.where('status', '=', 'open')
  return (await query.execute()).map(toCheckpoint)
}

/** The newest checkpoint of a task, or null. */
export async function newestCheckpoint(db: Reader, run: string, task: string): Promise<CheckpointRow | null> {
  const row = await db
    .selectFrom('checkpoints')
    .selectAll()
    .where('run', '=', run)
    .where('task', '=', task)
    .orderBy('created_at', 'desc')
    .orderBy(ROW, 'desc')
    .executeTakeFirst()
  return row ? toCheckpoint(row) : null
}

function toCheckpoint(row: Tables['checkpoints']): CheckpointRow {
  return {
    id: row.id,
    run: row.run,
    task: row.task,
    kind: row.kind,
    question: row.question,
    options: JSON.parse(row.options) as string[],
    context: JSON.parse(row.context) as Record<string, unknown>,
    status: row.status as CheckpointRow['status'],
    answer: row.answer,
    note: row.note,
    createdAt: row.created_at,
    closedAt: row.closed_at,
  }
}
