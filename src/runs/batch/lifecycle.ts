import { basename } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import { batchProgram, stateOf } from '../../programs/batch/index.ts'
import {
  appendEvents,
  changeRun,
  changeTask,
  closeRound,
  dropOutages,
  findTask,
  listTasks,
  raiseEpoch,
  refuseHeld,
  type RecordStore,
  type RunRow,
  type TaskRow,
  type Writer,
} from '../../record/index.ts'
import { runLease } from '../lease-keys.ts'
import { exitOf, runStatus } from '../outcome.ts'
import { batchProgress, counted } from './begin.ts'
import type { BatchConfig } from './config.ts'

/**
 * Lets a file begin again with fresh counters. Throws (exit 2) `task_done` for one that has its result, `held` while a
 * process works on it, `usage` for any phase but the first.
 */
export async function retryFile(
  record: RecordStore,
  run: RunRow,
  handle: string,
  from: string | null,
): Promise<TaskRow> {
  if (from !== null && from !== batchProgram.entry) {
    throw new BelayError('usage', `a file of a batch begins again at ${batchProgram.entry}`, {
      expected: batchProgram.entry,
      received: from,
      next: 'leave --from out',
    })
  }
  const task = await existing(record, run, handle)
  if (task.status === 'done') throw done(run, handle)
  if (task.status === 'running') await refuseHeld(record, runLease(run.id))
  await record.write(async (tx) => {
    const now = record.now()
    await raiseEpoch(tx, run.id, handle)
    await closeRound(tx, run.id, handle, now)
    await dropOutages(tx, run.id, true)
    await changeTask(tx, run.id, handle, now, {
      status: 'queued',
      phase: null,
      state: { notes: stateOf(task).notes },
      attempt: 0,
      extraAttempts: 0,
      crashes: 0,
      faults: 0,
      reason: null,
      wakeAt: null,
    })
    await tell(tx, now, run, handle, 'task.resumed', { phase: null, because: 'retry', was: task.status })
  })
  return existing(record, run, handle)
}

/**
 * Gives up a file, or with `handle` null all that are not done and the run with them. A process that works on them ends its
 * agents within a second or two. Returns what was given up. Throws `run_ended` for a run that is done.
 */
export async function cancelFiles(
  record: RecordStore,
  run: RunRow,
  handle: string | null,
  note: string | null,
): Promise<readonly string[]> {
  const message = note === null ? 'given up by its user' : `given up by its user: ${note}`
  const reason = { code: 'cancelled', message }
  return record.write(async (tx) => {
    const now = record.now()
    const tasks = await listTasks(tx, run.id)
    const over = handle === null ? ['done', 'cancelled', 'blocked'] : ['done', 'cancelled']
    const open = tasks.filter((task) => (handle === null || task.handle === handle) && !over.includes(task.status))
    if (handle === null && run.status === 'done') {
      throw new BelayError('run_ended', `run ${run.id} is done: there is nothing to give up`, { next: 'belay status' })
    }
    for (const task of open) {
      await raiseEpoch(tx, run.id, task.handle)
      await changeTask(tx, run.id, task.handle, now, { status: 'cancelled', reason, wakeAt: null })
      await tell(tx, now, run, task.handle, 'task.cancelled', { phase: task.phase, reason, was: task.status })
    }
    if (handle === null) await endRun(tx, now, run, reason)
    return open.map((task) => task.handle)
  })
}

async function endRun(tx: Writer, now: string, run: RunRow, reason: { code: string; message: string }): Promise<void> {
  await changeRun(tx, run.id, now, { status: 'cancelled', reason })
  const tasks = counted(await listTasks(tx, run.id))
  const data = {
    status: 'cancelled',
    exit_code: exitOf('cancelled'),
    progress: batchProgress(tasks),
    was: runStatus(tasks, null),
  }
  await appendEvents(tx, now, [{ type: 'run.finished', project: run.project, run: run.id, actor: 'user', data }])
}

async function existing(record: RecordStore, run: RunRow, handle: string): Promise<TaskRow> {
  const task = await findTask(record.read, run.id, handle)
  if (!task) throw new Error(`no task ${run.id}/${handle}`)
  return task
}

function done(run: RunRow, handle: string): BelayError {
  const results = basename((run.config as BatchConfig).results)
  return new BelayError('task_done', `${handle} has its result`, {
    expected: 'a file that is not done',
    received: `its entry in ${results}`,
    next: `take its entry out of ${results} and run the batch again`,
  })
}

async function tell(
  tx: Writer,
  now: string,
  run: RunRow,
  task: string,
  type: string,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  await appendEvents(tx, now, [{ type, project: run.project, run: run.id, task, actor: 'user', data }])
}
