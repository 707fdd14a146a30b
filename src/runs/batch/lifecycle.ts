import { basename } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { batchProgram, stateOf } from '../../programs/batch/index.ts'
import type { RecordStore, RunRow, TaskRow } from '../../record/index.ts'
import { beginAgain, giveUpTasks } from '../lifecycle/plain-tasks.ts'
import { batchProgress, counted } from './begin.ts'
import type { BatchConfig } from './config.ts'

/**
 * Starts a file over with fresh counters. Throws (exit 2) `task_done` for a file that has its result, `held` while a process
 * works on it, `usage` for any phase but the first.
 */
export function retryFile(record: RecordStore, run: RunRow, handle: string, from: string | null): Promise<TaskRow> {
  return beginAgain({
    record,
    run,
    handle,
    from,
    entry: batchProgram.entry,
    called: 'a file of a batch',
    change(task) {
      if (task.status === 'done') throw done(run, handle)
      return { phase: null, state: { notes: stateOf(task).notes } }
    },
  })
}

/**
 * Gives up one file or, if `handle` is null, all files that are not done and the run with them. A process that works on them
 * ends its agents within a second or two. Returns what was given up. Throws `run_ended` for a run that is done.
 */
export function cancelFiles(
  record: RecordStore,
  run: RunRow,
  handle: string | null,
  note: string | null,
): Promise<readonly string[]> {
  const whole = handle === null
  // Together with the run, blocked files stay blocked, because their own reason says more.
  const isMeant = (task: TaskRow): boolean => (whole ? task.status !== 'blocked' : task.handle === handle)
  return giveUpTasks({ record, run, whole, note, isMeant, counted, progress: batchProgress })
}

function done(run: RunRow, handle: string): BelayError {
  const results = basename((run.config as BatchConfig).results)
  return new BelayError('task_done', `${handle} has its result`, {
    expected: 'a file that is not done',
    received: `its entry in ${results}`,
    next: `take its entry out of ${results} and run the batch again`,
  })
}
