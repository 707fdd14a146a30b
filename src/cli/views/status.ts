import { totalCost } from '../../programs/shared/budget.ts'
import { listSessions, listTasks, type RecordStore, type RunRow, type TaskRow } from '../../record/index.ts'
import type { CostKind, Reason, RunStatus, TaskStatus } from '../../core/words.ts'

/** What `belay status --json` prints. */
export interface StatusView {
  readonly run: {
    readonly id: string
    readonly status: RunStatus
    readonly program: string
    /** Where the tasks came from: `prompt`, `spec-kit`, `openspec`, `batch`, `workflow`. */
    readonly source: string
    readonly feature: string | null
    /** Folder of the feature, or the file of a batch or workflow. */
    readonly path: string | null
    readonly target: string | null
    /** null for runs without a branch (a batch, a workflow in a folder). */
    readonly result_branch: string | null
    readonly landed: boolean | null
    readonly finish_command: string | null
    readonly created_at: string
    readonly cost_usd: number | null
    readonly cost_kind: CostKind
    readonly reason: Reason | null
  } | null
  readonly tasks: readonly TaskView[]
}

export interface TaskView {
  readonly handle: string
  readonly title: string
  readonly status: TaskStatus
  readonly phase: string | null
  readonly attempt: number
  readonly commit: string | null
  readonly branch: string | null
  readonly reason: Reason | null
  readonly cost_usd: number | null
}

/** The status of a run and its tasks; empty if there is no run. */
export async function statusView(record: RecordStore, run: RunRow | null): Promise<StatusView> {
  if (run === null) return { run: null, tasks: [] }
  const [tasks, sessions] = [await listTasks(record.read, run.id), await listSessions(record.read, run.id)]
  const cost = totalCost(sessions)
  return {
    run: {
      id: run.id,
      status: run.status,
      program: run.program,
      source: run.source.kind,
      feature: run.source.feature,
      path: run.source.path,
      target: run.target,
      result_branch: run.resultBranch === '' ? null : run.resultBranch,
      landed: run.landed,
      finish_command: run.finishCommand,
      created_at: run.createdAt,
      cost_usd: cost.usd,
      cost_kind: cost.kind,
      reason: run.reason,
    },
    tasks: tasks.map((task) =>
      taskView(task, totalCost(sessions.filter((session) => session.task === task.handle)).usd),
    ),
  }
}

/** A task as every view shows it. */
export function taskView(task: TaskRow, costUsd: number | null): TaskView {
  const { handle, title, status, phase, attempt, commit, branch, reason } = task
  return {
    handle,
    title,
    status,
    phase,
    attempt,
    commit,
    branch,
    reason: status === 'done' ? null : reason,
    cost_usd: costUsd,
  }
}
