import type { Reader, Writer } from './record.ts'

/** Why an agent of a run can take no turn. */
export interface OutageRow {
  readonly run: string
  /** Which agent: the same key means the same program, model and role. */
  readonly key: string
  readonly role: string
  /** As events and trailers name it. */
  readonly agent: string
  readonly code: string
  readonly message: string
  /** From when another try makes sense; null: not before the run is resumed. */
  readonly until: string | null
  /** The agent itself named that time. */
  readonly named: boolean
  /** Outages in a row. */
  readonly times: number
  /** The conversation that met it. */
  readonly session: string | null
}

/** Notes an outage, in the caller's transaction; an earlier one of the same agent is replaced. */
export async function putOutage(tx: Writer, now: string, { named, ...outage }: OutageRow): Promise<void> {
  const values = { ...outage, named: Number(named), created_at: now }
  await tx
    .insertInto('outages')
    .values(values)
    .onConflict((conflict) => conflict.columns(['run', 'key']).doUpdateSet(values))
    .execute()
}

/** The outages of a run, those that are over too, oldest first. */
export async function listOutages(db: Reader, run: string): Promise<OutageRow[]> {
  const rows = await db
    .selectFrom('outages')
    .select(['run', 'key', 'role', 'agent', 'code', 'message', 'until', 'named', 'times', 'session'])
    .where('run', '=', run)
    .orderBy('created_at')
    .execute()
  return rows.map((row) => ({ ...row, named: row.named === 1 }))
}

/** Forgets one outage, because the agent has answered again. */
export async function dropOutage(tx: Writer, run: string, key: string): Promise<void> {
  await tx.deleteFrom('outages').where('run', '=', run).where('key', '=', key).execute()
}

/** Forgets what a person may have mended: outages without a time, or with `all` every one. Returns what was forgotten. */
export async function dropOutages(tx: Writer, run: string, all = false): Promise<Pick<OutageRow, 'role' | 'agent'>[]> {
  const query = tx.deleteFrom('outages').where('run', '=', run)
  return (all ? query : query.where('until', 'is', null)).returning(['role', 'agent']).execute()
}
