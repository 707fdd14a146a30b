import type { Reason, RunStatus } from '../core/words.ts'
import type { Selectable, Updateable } from 'kysely'
import { appendEvents, type NewEvent } from './events.ts'
import type { Reader, RecordStore, Writer } from './record.ts'
import type { Tables } from './tables.ts'
import { insertTasks, type NewTask } from './tasks.ts'

/** What a run works on, in enough detail to open its source again. */
export interface RunSource {
  readonly kind: 'prompt' | 'spec-kit' | 'openspec' | 'batch' | 'workflow'
  readonly feature: string | null
  /**
   * Folder of the feature, relative to the repository root; for a batch or a workflow its file (absolute); null for a prompt.
   */
  readonly path: string | null
  /** The prompt's text; null for other sources. */
  readonly prompt: string | null
}

export interface RunRow {
  readonly id: string
  readonly project: string
  readonly program: string
  readonly status: RunStatus
  readonly reason: Reason | null
  readonly source: RunSource
  /** Branch that follows the result; null when HEAD was detached. */
  readonly target: string | null
  /** Commit at which the run began. */
  readonly base: string
  readonly resultBranch: string
  /** Whether the target has followed; null while undecided. */
  readonly landed: boolean | null
  readonly finishCommand: string | null
  readonly options: Readonly<Record<string, unknown>>
  readonly config: unknown
  readonly wakeAt: string | null
  /** How long processes have worked on the run, in ms, up to the last time one stored it. */
  readonly workedMs: number
  readonly createdAt: string
  readonly endedAt: string | null
}

export interface NewRun {
  readonly id: string
  readonly project: string
  readonly program: string
  readonly source: RunSource
  readonly target: string | null
  readonly base: string
  readonly resultBranch: string
  readonly options: Readonly<Record<string, unknown>>
  readonly config: unknown
}

export interface RunChange {
  readonly status?: RunStatus
  readonly reason?: Reason | null
  readonly landed?: boolean
  readonly finishCommand?: string | null
  readonly options?: Readonly<Record<string, unknown>>
  readonly wakeAt?: string | null
  readonly workedMs?: number
  readonly target?: string | null
}

/** Stores a run, its tasks and the events that describe them, in one transaction. */
export async function createRun(
  record: RecordStore,
  run: NewRun,
  tasks: readonly NewTask[],
  events: readonly NewEvent[],
): Promise<void> {
  await record.write(async (tx) => {
    const now = record.now()
    await tx
      .insertInto('runs')
      .values({
        id: run.id,
        project: run.project,
        program: run.program,
        status: 'running',
        reason_code: null,
        reason_message: null,
        source: JSON.stringify(run.source),
        target: run.target,
        base: run.base,
        result_branch: run.resultBranch,
        landed: null,
        finish_command: null,
        options: JSON.stringify(run.options),
        config: JSON.stringify(run.config),
        wake_at: null,
        created_at: now,
        updated_at: now,
        ended_at: null,
      })
      .execute()
    await insertTasks(tx, run.id, now, tasks)
    await appendEvents(tx, now, events)
  })
}

/** Changes a run in the caller's transaction. Any status but `running` sets its end time. */
export async function changeRun(tx: Writer, id: string, now: string, change: RunChange): Promise<void> {
  const set: Updateable<Tables['runs']> = { updated_at: now }
  if (change.status !== undefined) {
    set.status = change.status
    set.ended_at = change.status === 'running' ? null : now
  }
  if (change.reason !== undefined) {
    set.reason_code = change.reason?.code ?? null
    set.reason_message = change.reason?.message ?? null
  }
  if (change.landed !== undefined) set.landed = change.landed ? 1 : 0
  if (change.finishCommand !== undefined) set.finish_command = change.finishCommand
  if (change.options !== undefined) set.options = JSON.stringify(change.options)
  if (change.wakeAt !== undefined) set.wake_at = change.wakeAt
  if (change.workedMs !== undefined) set.worked_ms = change.workedMs
  if (change.target !== undefined) set.target = change.target
  await tx.updateTable('runs').set(set).where('id', '=', id).execute()
}

/** Replaces a run's configuration and options in the caller's transaction. */
export async function setRunConfig(
  tx: Writer,
  id: string,
  now: string,
  change: { readonly config: unknown; readonly options: Readonly<Record<string, unknown>> },
): Promise<void> {
  await tx
    .updateTable('runs')
    .set({ config: JSON.stringify(change.config), options: JSON.stringify(change.options), updated_at: now })
    .where('id', '=', id)
    .execute()
}

/** The run with this id, or null. */
export async function findRun(db: Reader, id: string): Promise<RunRow | null> {
  const row = await db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst()
  return row ? toRun(row) : null
}

/** Runs of a project, newest first. */
export async function listRuns(db: Reader, project: string, limit = 100): Promise<RunRow[]> {
  const rows = await db
    .selectFrom('runs')
    .selectAll()
    .where('project', '=', project)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toRun)
}

function toRun(row: Selectable<Tables['runs']>): RunRow {
  return {
    id: row.id,
    project: row.project,
    program: row.program,
    status: row.status as RunStatus,
    reason: row.reason_code === null ? null : { code: row.reason_code, message: row.reason_message ?? '' },
    source: JSON.parse(row.source) as RunSource,
    target: row.target,
    base: row.base,
    resultBranch: row.result_branch,
    landed: row.landed === null ? null : row.landed === 1,
    finishCommand: row.finish_command,
    options: JSON.parse(row.options) as Record<string, unknown>,
    config: JSON.parse(row.config) as unknown,
    wakeAt: row.wake_at,
    workedMs: row.worked_ms,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }
}
