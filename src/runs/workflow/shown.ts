/** A workflow run as shown to its user: the result of each step, and where the work is. */
import type { Reason, RunStatus, TaskStatus } from '../../core/words.ts'
import { stateOf } from '../../programs/workflow/index.ts'
import { listTasks, readEvents, type RecordStore, type RunRow } from '../../record/index.ts'
import type { WorkflowConfig } from './config.ts'
import { folderOf } from './folder.ts'

export interface ShownStep {
  readonly handle: string
  readonly title: string
  readonly status: TaskStatus
  readonly attempt: number
  /** The commit with the step's changes; null: it changed nothing, or there is no repository. */
  readonly commit: string | null
  readonly files: readonly string[]
  /** null until the step has an output. */
  readonly output: unknown
  readonly reason: Reason | null
}

export interface ShownRun {
  readonly run: {
    readonly id: string
    readonly status: RunStatus
    readonly reason: Reason | null
    readonly workflow: string
    readonly file: string
    readonly created_at: string
  }
  readonly input: unknown
  /** Null unless the run is done. */
  readonly output: unknown
  /** Where the agents' work is. */
  readonly work: {
    readonly place: 'repository' | 'directory'
    /** Absolute path; null in a repository. */
    readonly folder: string | null
    /** null in a folder. */
    readonly branch: string | null
    readonly base: string | null
    /** null while nothing was changed. */
    readonly diff_command: string | null
    readonly finish_command: string | null
  }
  readonly steps: readonly ShownStep[]
}

export async function showRun(record: RecordStore, run: RunRow): Promise<ShownRun> {
  const { definition, file, input, place } = run.config as WorkflowConfig
  const [tasks, ends] = await Promise.all([
    listTasks(record.read, run.id),
    readEvents(record.read, { run: run.id, type: 'run.finished' }),
  ])
  const inRepository = place === 'repository'
  const changed = run.finishCommand !== null
  return {
    run: {
      id: run.id,
      status: run.status,
      reason: run.reason,
      workflow: definition.name,
      file,
      created_at: run.createdAt,
    },
    input,
    output: run.status === 'done' ? (ends.at(-1)?.data['output'] ?? null) : null,
    work: {
      place,
      folder: inRepository ? null : folderOf(record.home, run.id, definition),
      branch: inRepository ? run.resultBranch : null,
      base: inRepository ? run.base : null,
      diff_command: inRepository && changed ? `git diff ${run.base.slice(0, 12)} ${run.resultBranch}` : null,
      finish_command: run.finishCommand,
    },
    steps: tasks.map((task) => {
      const { result, files } = stateOf(task)
      const failed = result?.kind === 'failed' ? result.error : null
      return {
        handle: task.handle,
        title: task.title,
        status: task.status,
        attempt: task.attempt,
        commit: task.commit,
        files,
        output: result?.kind === 'output' ? result.output : null,
        reason: failed ?? (task.status === 'done' ? null : task.reason),
      }
    }),
  }
}
