import type { Reason, TaskStatus } from '../core/words.ts'
import { leaseLost } from './leases.ts'
import type { Reader, Writer } from './record.ts'
import type { Selectable, Updateable } from 'kysely'
import type { Tables } from './tables.ts'

export interface TaskDependency {
  readonly handle: string
  readonly kind: 'explicit' | 'group' | 'order'
}

/** What the source said about a task when the run began, or when the task was read again. */
export interface TaskDefinition {
  readonly dependsOn: readonly TaskDependency[]
  readonly criteria: readonly string[]
  readonly subject: string
  /** Commit from which the task was read again; absent: the run's base. */
  readonly source?: string
}

export interface NewTask {
  readonly handle: string
  readonly title: string
  readonly definition: TaskDefinition
  readonly status: TaskStatus
}

export interface TaskRow {
  readonly run: string
  readonly handle: string
  readonly position: number
  readonly title: string
  readonly definition: TaskDefinition
  readonly status: TaskStatus
  /** The phase to run next, or the running one; null: none has run yet. */
  readonly phase: string | null
  /** Number of implement turns that ended. */
  readonly attempt: number
  /** Attempts granted beyond the limit, by `unblock`. */
  readonly extraAttempts: number
  readonly crashes: number
  readonly faults: number
  readonly epoch: number
  /** The task's program-specific state. */
  readonly state: Readonly<Record<string, unknown>>
  readonly reason: Reason | null
  readonly commit: string | null
  readonly branch: string | null
  readonly wakeAt: string | null
  readonly phaseStartedAt: string | null
}

/** The fields of a task on which nothing has been done yet. */
export const UNTOUCHED = {
  status: 'queued',
  phase: null,
  attempt: 0,
  extraAttempts: 0,
  crashes: 0,
  faults: 0,
  epoch: 0,
  state: {},
  reason: null,
  commit: null,
  branch: null,
  wakeAt: null,
  phaseStartedAt: null,
} as const satisfies Partial<TaskRow>

/** What a transition may change in a task; absent fields stay. */
export interface TaskChange {
  readonly status?: TaskStatus
  readonly phase?: string | null
  readonly attempt?: number
  readonly extraAttempts?: number
  readonly crashes?: number
  readonly faults?: number
  readonly state?: Readonly<Record<string, unknown>>
  readonly reason?: Reason | null
  readonly commit?: string | null
  readonly branch?: string | null
  readonly wakeAt?: string | null
  readonly title?: string
  readonly definition?: TaskDefinition
  readonly phaseStartedAt?: string | null
}

/** Appends tasks to a run, in order. */
export async function insertTasks(tx: Writer, run: string, now: string, tasks: readonly NewTask[]): Promise<void> {
  const last = await tx
    .selectFrom('tasks')
    .select((e) => e.fn.max('position').as('position'))
    .where('run', '=', run)
    .executeTakeFirst()
  for (const [i, task] of tasks.entries()) {
    await tx
      .insertInto('tasks')
      .values({
        run,
        handle: task.handle,
        position: (last?.position ?? -1) + 1 + i,
        title: task.title,
        definition: JSON.stringify(task.definition),
        status: task.status,
        phase: null,
        state: '{}',
        reason_code: null,
        reason_message: null,
        commit_id: null,
        branch: null,
        wake_at: null,
        phase_started_at: null,
        created_at: now,
        updated_at: now,
      })
      .execute()
  }
}

/** Raises a task's epoch and returns the new one. From now on, only a holder of the new epoch may write to the task. */
export async function raiseEpoch(tx: Writer, run: string, handle: string): Promise<number> {
  const row = await tx
    .updateTable('tasks')
    .set((e) => ({ epoch: e('epoch', '+', 1) }))
    .where('run', '=', run)
    .where('handle', '=', handle)
    .returning('epoch')
    .executeTakeFirstOrThrow()
  return row.epoch
}

/** Throws `lease_lost` unless the task still has this epoch. */
export async function assertEpoch(tx: Reader | Writer, run: string, handle: string, epoch: number): Promise<void> {
  const row = await tx
    .selectFrom('tasks')
    .select('epoch')
    .where('run', '=', run)
    .where('handle', '=', handle)
    .executeTakeFirst()
  if (row?.epoch !== epoch) throw leaseLost(`task ${run}/${handle}`)
}

/** Changes a task in the caller's transaction. */
export async function changeTask(
  tx: Writer,
  run: string,
  handle: string,
  now: string,
  change: TaskChange,
): Promise<void> {
  const set: Updateable<Tables['tasks']> = { updated_at: now }
  if (change.status !== undefined) set.status = change.status
  if (change.phase !== undefined) set.phase = change.phase
  if (change.attempt !== undefined) set.attempt = change.attempt
  if (change.extraAttempts !== undefined) set.extra_attempts = change.extraAttempts
  if (change.crashes !== undefined) set.crashes = change.crashes
  if (change.faults !== undefined) set.faults = change.faults
  if (change.state !== undefined) set.state = JSON.stringify(change.state)
  if (change.reason !== undefined) {
    set.reason_code = change.reason?.code ?? null
    set.reason_message = change.reason?.message ?? null
  }
  if (change.commit !== undefined) set.commit_id = change.commit
  if (change.branch !== undefined) set.branch = change.branch
  if (change.wakeAt !== undefined) set.wake_at = change.wakeAt
  if (change.title !== undefined) set.title = change.title
  if (change.definition !== undefined) set.definition = JSON.stringify(change.definition)
  if (change.phaseStartedAt !== undefined) set.phase_started_at = change.phaseStartedAt
  await tx.updateTable('tasks').set(set).where('run', '=', run).where('handle', '=', handle).execute()
}

/** The task, or null. */
export async function findTask(db: Reader | Writer, run: string, handle: string): Promise<TaskRow | null> {
  const row = await db
    .selectFrom('tasks')
    .selectAll()
    .where('run', '=', run)
    .where('handle', '=', handle)
    .executeTakeFirst()
  return row ? toTask(row) : null
}

/** The tasks of a run, in source order. */
export async function listTasks(db: Reader | Writer, run: string): Promise<TaskRow[]> {
  const rows = await db.selectFrom('tasks').selectAll().where('run', '=', run).orderBy('position').execute()
  return rows.map(toTask)
}

function toTask(row: Selectable<Tables['tasks']>): TaskRow {
  return {
    run: row.run,
    handle: row.handle,
    position: row.position,
    title: row.title,
    definition: JSON.parse(row.definition) as TaskDefinition,
    status: row.status as TaskStatus,
    phase: row.phase,
    attempt: row.attempt,
    extraAttempts: row.extra_attempts,
    crashes: row.crashes,
    faults: row.faults,
    epoch: row.epoch,
    state: JSON.parse(row.state) as Record<string, unknown>,
    reason: row.reason_code === null ? null : { code: row.reason_code, message: row.reason_message ?? '' },
    commit: row.commit_id,
    branch: row.branch,
    wakeAt: row.wake_at,
    phaseStartedAt: row.phase_started_at,
  }
}
