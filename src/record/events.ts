import { sql } from 'kysely'
import type { Reader, Writer } from './record.ts'

/** A fact to append. `data` must be JSON; its shape depends on `type` and `version`. */
export interface NewEvent {
  readonly type: string
  readonly version?: number
  readonly project?: string | null
  readonly run?: string | null
  readonly task?: string | null
  readonly session?: string | null
  /** Who did it: `belay`, `user`, or an agent's role. */
  readonly actor?: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** An event in the form in which it is shown everywhere (docs/events.md). */
export interface RecordedEvent {
  readonly seq: number
  readonly time: string
  readonly type: string
  readonly version: number
  readonly project: string | null
  readonly run: string | null
  readonly task: string | null
  readonly session: string | null
  readonly actor: string
  readonly data: Record<string, unknown>
}

/** Appends events in the caller's transaction, so that they are stored only together with the state they describe. */
export async function appendEvents(tx: Writer, time: string, events: readonly NewEvent[]): Promise<void> {
  for (const event of events) {
    await tx
      .insertInto('events')
      .values({
        time,
        type: event.type,
        version: event.version ?? 1,
        project: event.project ?? null,
        run: event.run ?? null,
        task: event.task ?? null,
        session: event.session ?? null,
        actor: event.actor ?? 'belay',
        data: JSON.stringify(event.data ?? {}),
      })
      .execute()
  }
}

export interface EventFilter {
  /** First seq to return (inclusive). */
  readonly from?: number
  /** Time (ISO 8601) from which on events are returned (inclusive). */
  readonly since?: string
  readonly project?: string
  readonly run?: string
  readonly task?: string
  /** `*` matches any characters. */
  readonly type?: string
  readonly limit?: number
}

/** Events in seq order. To continue, read again from the last seq + 1. */
export async function readEvents(db: Reader, filter: EventFilter = {}): Promise<RecordedEvent[]> {
  let query = db.selectFrom('events').selectAll().orderBy('seq')
  if (filter.from !== undefined) query = query.where('seq', '>=', filter.from)
  if (filter.since !== undefined) query = query.where('time', '>=', filter.since)
  if (filter.project !== undefined) query = query.where('project', '=', filter.project)
  if (filter.run !== undefined) query = query.where('run', '=', filter.run)
  if (filter.task !== undefined) query = query.where('task', '=', filter.task)
  if (filter.type !== undefined) query = query.where(sql<boolean>`type like ${likeOf(filter.type)} escape '\\'`)
  if (filter.limit !== undefined) query = query.limit(filter.limit)
  const rows = await query.execute()
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }))
}

/** The seq of the newest event; 0: there is none. */
export async function lastSeq(db: Reader): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select((e) => e.fn.max('seq').as('seq'))
    .executeTakeFirst()
  return row?.seq ?? 0
}

/** Translates `*` to SQL's `%` and escapes SQL's own wildcards. */
function likeOf(glob: string): string {
  return glob.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')
}
