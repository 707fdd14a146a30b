import type { Reader, Writer } from './record.ts'

/** One try of a task: an implement turn and its outcome. */
export interface AttemptRow {
  /** 0 for the current round; earlier rounds (each ended by `closeRound`) count from 1. */
  readonly round: number
  readonly n: number
  readonly startedAt: string
  readonly endedAt: string | null
  readonly outcome: string | null
  readonly session: string | null
}

/** Begins attempt `n`, or continues it after a crash (its start time stays). */
export async function beginAttempt(tx: Writer, run: string, task: string, n: number, now: string): Promise<void> {
  await tx
    .insertInto('attempts')
    .values({ run, task, n, started_at: now, ended_at: null, outcome: null, session: null })
    .onConflict((conflict) =>
      conflict.columns(['run', 'task', 'round', 'n']).doUpdateSet({ ended_at: null, outcome: null }),
    )
    .execute()
}

/** Ends attempt `n` with an outcome. A later outcome replaces an earlier one. `session` absent: unchanged. */
export async function endAttempt(
  tx: Writer,
  run: string,
  task: string,
  n: number,
  now: string,
  outcome: string,
  session?: string,
): Promise<void> {
  await tx
    .updateTable('attempts')
    .set({ ended_at: now, outcome, ...(session === undefined ? {} : { session }) })
    .where('run', '=', run)
    .where('task', '=', task)
    .where('round', '=', 0)
    .where('n', '=', n)
    .execute()
}

/** Ends the current round of attempts. It stays listed; the next round counts from 1 again. */
export async function closeRound(tx: Writer, run: string, task: string, now: string): Promise<void> {
  const last = await tx
    .selectFrom('attempts')
    .select((e) => e.fn.max('round').as('round'))
    .where('run', '=', run)
    .where('task', '=', task)
    .executeTakeFirst()
  const current = tx.updateTable('attempts').where('run', '=', run).where('task', '=', task).where('round', '=', 0)
  await current.set({ ended_at: now, outcome: 'abandoned' }).where('ended_at', 'is', null).execute()
  await current.set({ round: (last?.round ?? 0) + 1 }).execute()
}

/** Attempts of a task in order, earlier rounds first. */
export async function listAttempts(db: Reader, run: string, task: string): Promise<AttemptRow[]> {
  const rows = await db
    .selectFrom('attempts')
    .selectAll()
    .where('run', '=', run)
    .where('task', '=', task)
    .orderBy((e) => e.case().when('round', '=', 0).then(1).else(0).end())
    .orderBy('round')
    .orderBy('n')
    .execute()
  return rows.map((row) => ({
    round: row.round,
    n: row.n,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    outcome: row.outcome,
    session: row.session,
  }))
}
