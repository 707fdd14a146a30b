import { BelayError } from '../../core/errors.ts'
import { STEPS_INSIDE, stateOf, workflowProgram } from '../../programs/workflow/index.ts'
import {
  appendEvents,
  cancelCheckpoints,
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
import { refuseCleaned } from '../lifecycle-cleaned.ts'
import { exitOf, progressOf, runStatus } from '../outcome.ts'

/**
 * Lets a step begin again with fresh counters; one with steps inside of it takes together again what those have come to.
 * Throws (exit 2) `task_done` for one that is over, `held` while a process works on it, `usage` for any phase but the first.
 */
export async function retryStep(
  record: RecordStore,
  run: RunRow,
  handle: string,
  from: string | null,
): Promise<TaskRow> {
  refuseCleaned(run)
  if (from !== null && from !== workflowProgram.entry) {
    throw new BelayError('usage', `a step of a workflow begins again at ${workflowProgram.entry}`, {
      expected: workflowProgram.entry,
      received: from,
      next: 'leave --from out',
    })
  }
  const task = await existing(record, run, handle)
  if (task.status === 'done') throw over(handle)
  if (task.reason?.code === STEPS_INSIDE) throw inside(handle)
  if (task.status === 'running') await refuseHeld(record, runLease(run.id))
  const joins = task.phase === 'join'
  await record.write(async (tx) => {
    const now = record.now()
    await raiseEpoch(tx, run.id, handle)
    await closeRound(tx, run.id, handle, now)
    await dropOutages(tx, run.id, true)
    await cancelCheckpoints(tx, run.id, handle, now)
    await changeTask(tx, run.id, handle, now, {
      status: 'queued',
      phase: joins ? task.phase : null,
      state: joins ? task.state : { notes: stateOf(task).notes },
      attempt: 0,
      extraAttempts: 0,
      crashes: 0,
      faults: 0,
      commit: null,
      reason: null,
      wakeAt: null,
    })
    await tell(tx, now, run, handle, 'task.resumed', { phase: null, because: 'retry', was: task.status })
  })
  return existing(record, run, handle)
}

/**
 * Gives up a step with those inside of it, or with `handle` null all that are not over and the run with them. A process that
 * works on them ends its agents within a second or two. Returns what was given up. Throws `run_ended` for a run that is done.
 */
export async function cancelSteps(
  record: RecordStore,
  run: RunRow,
  handle: string | null,
  note: string | null,
): Promise<readonly string[]> {
  const message = note === null ? 'given up by its user' : `given up by its user: ${note}`
  const reason = { code: 'cancelled', message }
  return record.write(async (tx) => {
    if (handle === null && run.status === 'done') {
      throw new BelayError('run_ended', `run ${run.id} is done: there is nothing to give up`, { next: 'belay status' })
    }
    const now = record.now()
    const wanted = (one: string): boolean => handle === null || one === handle || one.startsWith(`${handle}.`)
    const open = (await listTasks(tx, run.id)).filter(
      (task) => wanted(task.handle) && task.status !== 'done' && task.status !== 'cancelled',
    )
    for (const task of open) {
      await raiseEpoch(tx, run.id, task.handle)
      await cancelCheckpoints(tx, run.id, task.handle, now)
      await changeTask(tx, run.id, task.handle, now, { status: 'cancelled', reason, wakeAt: null })
      await tell(tx, now, run, task.handle, 'task.cancelled', { phase: task.phase, reason, was: task.status })
    }
    if (handle === null) await endRun(tx, now, run, reason)
    return open.map((task) => task.handle)
  })
}

async function endRun(tx: Writer, now: string, run: RunRow, reason: { code: string; message: string }): Promise<void> {
  await changeRun(tx, run.id, now, { status: 'cancelled', reason })
  const tasks = await listTasks(tx, run.id)
  const data = {
    status: 'cancelled',
    exit_code: exitOf('cancelled'),
    reason,
    progress: progressOf(tasks),
    was: runStatus(tasks, null),
  }
  await appendEvents(tx, now, [{ type: 'run.finished', project: run.project, run: run.id, actor: 'user', data }])
}

async function existing(record: RecordStore, run: RunRow, handle: string): Promise<TaskRow> {
  const task = await findTask(record.read, run.id, handle)
  if (!task) throw new Error(`no step ${run.id}/${handle}`)
  return task
}

function over(handle: string): BelayError {
  return new BelayError('task_done', `step ${handle} is over, and what follows was built on it`, {
    expected: 'a step that is not over',
    received: 'done',
    next: 'belay workflow run (a new run)',
  })
}

function inside(handle: string): BelayError {
  return new BelayError('steps_inside', `step ${handle} waits for the steps inside of it`, {
    expected: 'a step that failed or was given up',
    received: handle,
    next: 'belay status, then retry the step inside that failed',
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
