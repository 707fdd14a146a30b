import type { CostKind, Role, Usage } from '../core/words.ts'
import type { Reader, Writer } from './record.ts'
import type { Tables } from './tables.ts'

/** One conversation with an agent, of one or more turns. */
export interface SessionRow {
  readonly id: string
  readonly run: string
  readonly task: string
  readonly role: Role
  readonly provider: string
  readonly model: string | null
  /** The agent's own id, by which the conversation can be resumed; null: unknown. */
  readonly native: string | null
  readonly cwd: string
  readonly attempt: number
  readonly status: 'running' | 'completed' | 'failed' | 'interrupted'
  readonly inputTokens: number
  readonly outputTokens: number
  /** The sum of all known costs; null: no cost is known yet. */
  readonly costUsd: number | null
  readonly costKind: CostKind
  readonly createdAt: string
  readonly endedAt: string | null
}

export type NewSession = Pick<
  SessionRow,
  'id' | 'run' | 'task' | 'role' | 'provider' | 'model' | 'native' | 'cwd' | 'attempt'
>

/** Stores a new agent session in the caller's transaction. */
export async function insertSession(tx: Writer, now: string, session: NewSession): Promise<void> {
  await tx
    .insertInto('sessions')
    .values({ ...session, status: 'running', cost_usd: null, cost_kind: 'unknown', created_at: now, ended_at: null })
    .execute()
}

/** Stores what has become known about an agent session. */
export async function changeSession(
  tx: Writer,
  id: string,
  change: Partial<Pick<SessionRow, 'native' | 'model' | 'status' | 'attempt' | 'endedAt'>>,
): Promise<void> {
  const { endedAt, ...rest } = change
  const set: Partial<Tables['sessions']> = { ...rest }
  if (endedAt !== undefined) set.ended_at = endedAt
  await tx
    .updateTable('sessions')
    .set(set as never)
    .where('id', '=', id)
    .execute()
}

/** Ends every agent session of a run that still counts as running, because its Belay process died. Returns those sessions. */
export async function endSessions(tx: Writer, run: string, now: string): Promise<{ id: string; task: string }[]> {
  return tx
    .updateTable('sessions')
    .set({ status: 'interrupted', ended_at: now })
    .where('run', '=', run)
    .where('status', '=', 'running')
    .returning(['id', 'task'])
    .execute()
}

/**
 * Adds usage to an agent session. An unknown cost adds tokens only: the sum then lacks that part, and the cost's kind stays. A
 * known cost sets the kind of the whole sum to `kind`.
 */
export async function addUsage(tx: Writer, id: string, usage: Usage, kind: CostKind): Promise<void> {
  await tx
    .updateTable('sessions')
    .set((e) => ({
      input_tokens: e('input_tokens', '+', usage.inputTokens),
      output_tokens: e('output_tokens', '+', usage.outputTokens),
      ...(usage.costUsd === null
        ? {}
        : { cost_usd: e(e.fn.coalesce('cost_usd', e.val(0)), '+', usage.costUsd), cost_kind: kind }),
    }))
    .where('id', '=', id)
    .execute()
}

/** Agent sessions of a run (only of `task`, if given), oldest first. */
export async function listSessions(db: Reader, run: string, task?: string): Promise<SessionRow[]> {
  let query = db.selectFrom('sessions').selectAll().where('run', '=', run).orderBy('created_at').orderBy('id')
  if (task !== undefined) query = query.where('task', '=', task)
  return (await query.execute()).map((row) => ({
    id: row.id,
    run: row.run,
    task: row.task,
    role: row.role as Role,
    provider: row.provider,
    model: row.model,
    native: row.native,
    cwd: row.cwd,
    attempt: row.attempt,
    status: row.status as SessionRow['status'],
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    costUsd: row.cost_usd,
    costKind: row.cost_kind as CostKind,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }))
}
