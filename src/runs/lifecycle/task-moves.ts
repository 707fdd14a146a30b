/** What people and time limits do to one task of a run, with the event that reports it; each in the caller's transaction. */
import type { Reason } from '../../core/words.ts'
import {
  appendEvents,
  cancelCheckpoints,
  changeTask,
  closeRound,
  findTask,
  raiseEpoch,
  type Reader,
  type RunRow,
  type TaskChange,
  type TaskRow,
  type Writer,
} from '../../record/index.ts'

type Actor = 'user' | 'belay'

/** A task that the run is known to have. */
export async function taskOf(db: Reader, run: RunRow, handle: string): Promise<TaskRow> {
  const task = await findTask(db, run.id, handle)
  if (!task) throw new Error(`no task ${run.id}/${handle}`)
  return task
}

/**
 * Queues a task with fresh counters; `change` says where it starts. An earlier holder can no longer write, its checkpoint is
 * closed, and its earlier attempts become a separate round.
 */
export async function queueAfresh(
  tx: Writer,
  run: RunRow,
  handle: string,
  now: string,
  change: TaskChange,
): Promise<void> {
  await raiseEpoch(tx, run.id, handle)
  await closeRound(tx, run.id, handle, now)
  await cancelCheckpoints(tx, run.id, handle, now)
  await changeTask(tx, run.id, handle, now, {
    status: 'queued',
    attempt: 0,
    extraAttempts: 0,
    crashes: 0,
    faults: 0,
    reason: null,
    wakeAt: null,
    ...change,
  })
}

/** Gives a task up: its holder can no longer write, and ends its agent. Returns false if the task is already over. */
export async function giveUp(
  tx: Writer,
  run: RunRow,
  task: TaskRow,
  reason: Reason,
  now: string,
  actor: Actor,
): Promise<boolean> {
  if (task.status === 'done' || task.status === 'cancelled') return false
  await raiseEpoch(tx, run.id, task.handle)
  await cancelCheckpoints(tx, run.id, task.handle, now)
  await changeTask(tx, run.id, task.handle, now, { status: 'cancelled', reason, wakeAt: null })
  await tell(tx, now, run, task.handle, 'task.cancelled', actor, { phase: task.phase, reason, was: task.status })
  return true
}

/** The reason text for what the user gave up. */
export function givenUpBecause(note: string | null): string {
  return note === null ? 'given up by its user' : `given up by its user: ${note}`
}

/** Appends an event of a run, or of one of its tasks. */
export async function tell(
  tx: Writer,
  now: string,
  run: RunRow,
  task: string | null,
  type: string,
  actor: Actor,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  await appendEvents(tx, now, [{ type, project: run.project, run: run.id, task, actor, data }])
}
