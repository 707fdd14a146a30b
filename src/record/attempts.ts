import type { Reader, Writer } from './record.ts'

/** One try of a task: an implement turn and what became of it. */
export interface AttemptRow {
  readonly n: number
  readonly startedAt: string
  readonly endedAt: string | null
  readonly outcome: string | null
  readonly session: string | null
}

/** Begins attempt `n`, or goes on with it after a crash (its start time stays). */
export async function beginAttempt(tx: Writer, run: string, task: string, n: number, now: string): Promise<void> {
  await tx
    .insertInto('attempts')
    .values({ run, task, n, started_at: now, ended_at: null, outcome: null, session: null })
    .onConflict((conflict) => conflict.columns(['run', 'task', 'n']).doUpdateSet({ ended_at: null, outcome: null }))
    .execute()
}

/** Ends attempt `n` with what became of it; a later outcome replaces an earlier one. */
export async function endAttempt(tx: Writer, run: string, task: string, n: number, now: string, outcome: string, session?: string): Promise<void> {
  await tx
    .updateTable('attempts')
    .set({ ended_at: now, outcome, ...(session === undefined ? {} : { session }) })
    .where('run', '=', run)
    .where('task', '=', task)
    .where('n', '=', n)
    .execute()
}

/** Attempts of a task in order. */
export async function listAttempts(db: Reader, run: string, task: string): Promise<AttemptRow[]> {
  const rows = await db
    .selectFrom('attempts')
    .selectAll()
    .where('run', '=', run)
    .where('task', '=', task)
    .orderBy('n')
    .execute()
  return rows.map((row) => ({
    n: row.n,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    outcome: row.outcome,
    session: row.session,
  }))
}
