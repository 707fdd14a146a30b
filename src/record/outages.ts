import type { Reader, Writer } from './record.ts'

/** Why an agent of a run cannot take turns. */
export interface OutageRow {
  readonly run: string
  /** Identifies the agent: the same key means the same program, model and role. */
  readonly key: string
  readonly role: string
  /** The agent's name as in events and trailers. */
  readonly agent: string
  readonly code: string
  readonly message: string
  /** When another try makes sense; null: not before the run is resumed. */
  readonly until: string | null
  /** Whether the agent itself named that time. */
  readonly named: boolean
  /** Number of outages in a row. */
  readonly times: number
  /** The agent session in which the outage occurred. */
  readonly session: string | null
}

/** Stores an outage in the caller's transaction; it replaces an earlier one of the same agent. */
export async function putOutage(tx: Writer, now: string, { named, ...outage }: OutageRow): Promise<void> {
  const values = { ...outage, named: Number(named), created_at: now }
  await tx
    .insertInto('outages')
    .values(values)
    .onConflict((conflict) => conflict.columns(['run', 'key']).doUpdateSet(values))
    .execute()
}

/** The outages of a run, including past ones, oldest first. */
export async function listOutages(db: Reader, run: string): Promise<OutageRow[]> {
  const rows = await db
    .selectFrom('outages')
    .select(['run', 'key', 'role', 'agent', 'code', 'message', 'until', 'named', 'times', 'session'])
    .where('run', '=', run)
    .orderBy('created_at')
    .execute()
  return rows.map((row) => ({ ...row, named: row.named === 1 }))
}

/** Deletes an outage, because the agent has answered again. */
export async function dropOutage(tx: Writer, run: string, key: string): Promise<void> {
  await tx.deleteFrom('outages').where('run', '=', run).where('key', '=', key).execute()
}

/**
 * Deletes the outages that a person may have fixed: those without a time, or with `all` every one. Returns the deleted ones.
 */
export async function dropOutages(tx: Writer, run: string, all = false): Promise<Pick<OutageRow, 'role' | 'agent'>[]> {
  const query = tx.deleteFrom('outages').where('run', '=', run)
  return (all ? query : query.where('until', 'is', null)).returning(['role', 'agent']).execute()
}
