/** What people and time limits do to tasks that no other task's work builds on: files of a batch, steps of a workflow. */
import { BelayError } from '../../core/errors.ts'
import {
  changeRun,
  dropOutages,
  listTasks,
  refuseHeld,
  type RecordStore,
  type RunRow,
  type TaskChange,
  type TaskRow,
} from '../../record/index.ts'
import { runLease } from '../lease-keys.ts'
import { exitOf, runStatus, type progressOf } from '../outcome.ts'
import { giveUp, givenUpBecause, queueAfresh, taskOf, tell } from './task-moves.ts'

export interface Again {
  readonly record: RecordStore
  readonly run: RunRow
  readonly handle: string
  /** `--from`; null: the program's first phase. */
  readonly from: string | null
  /** The only phase at which the task can start over. */
  readonly entry: string
  /** What such a task is called in messages, for example `a file of a batch`. */
  readonly called: string
  /** Returns how the task starts over; throws if it cannot. */
  readonly change: (task: TaskRow) => TaskChange
}

/** Starts a task over with fresh counters. Throws (exit 2) `held` while a process works on it, `usage` for another phase. */
export async function beginAgain({ record, run, handle, from, entry, called, change }: Again): Promise<TaskRow> {
  if (from !== null && from !== entry) {
    throw new BelayError('usage', `${called} begins again at ${entry}`, {
      expected: entry,
      received: from,
      next: 'leave --from out',
    })
  }
  const task = await taskOf(record.read, run, handle)
  const changed = change(task)
  if (task.status === 'running') await refuseHeld(record, runLease(run.id))
  await record.write(async (tx) => {
    const now = record.now()
    await dropOutages(tx, run.id, true)
    await queueAfresh(tx, run, handle, now, changed)
    const data = { phase: null, because: 'retry', was: task.status }
    await tell(tx, now, run, handle, 'task.resumed', 'user', data)
  })
  return taskOf(record.read, run, handle)
}

export interface GivingUp {
  readonly record: RecordStore
  readonly run: RunRow
  /** Whether the run as a whole is given up too. */
  readonly whole: boolean
  readonly note: string | null
  readonly isMeant: (task: TaskRow) => boolean
  /** Selects the tasks that count for the run's progress. */
  readonly counted: (tasks: readonly TaskRow[]) => TaskRow[]
  readonly progress: (tasks: readonly TaskRow[]) => ReturnType<typeof progressOf>
}

/**
 * Gives up the tasks that `isMeant` selects and that are not over and, with `whole`, the run. A process that works on them ends
 * its agents within a second or two. Returns the handles of the tasks that were given up. Throws `run_ended` for a run that is
 * done.
 */
export async function giveUpTasks(giving: GivingUp): Promise<readonly string[]> {
  const { record, run, whole, note, isMeant, counted, progress } = giving
  const reason = { code: 'cancelled', message: givenUpBecause(note) }
  return record.write(async (tx) => {
    if (whole && run.status === 'done') {
      throw new BelayError('run_ended', `run ${run.id} is done: there is nothing to give up`, { next: 'belay status' })
    }
    const now = record.now()
    const given: string[] = []
    for (const task of await listTasks(tx, run.id)) {
      if (isMeant(task) && (await giveUp(tx, run, task, reason, now, 'user'))) given.push(task.handle)
    }
    if (!whole) return given
    await changeRun(tx, run.id, now, { status: 'cancelled', reason })
    const tasks = counted(await listTasks(tx, run.id))
    const data = {
      status: 'cancelled',
      exit_code: exitOf('cancelled'),
      reason,
      progress: progress(tasks),
      was: runStatus(tasks, null),
    }
    await tell(tx, now, run, null, 'run.finished', 'user', data)
    return given
  })
}
