import { BelayError } from '../../core/errors.ts'
import type { TaskStatus } from '../../core/words.ts'
import { branchRef, raiseEpochRef, readRef } from '../../git/refs.ts'
import type { Repository } from '../../git/repository.ts'
import { Landing } from '../../programs/direct/landing.ts'
import {
  assertEpoch,
  changeRun,
  changeTask,
  findRun,
  listTasks,
  type RecordStore,
  type RunRow,
  type TaskRow,
} from '../../record/index.ts'
import { moveJournal } from '../guard.ts'
import { holdRun } from './hold.ts'
import { exitOf, progressOf, runStatus } from '../outcome.ts'
import { workspacePool } from '../services.ts'
import { giveUp, givenUpBecause, taskOf, tell } from './task-moves.ts'

export interface CancelRequest {
  readonly record: RecordStore
  readonly repository: Repository
  readonly run: RunRow
  readonly note: string | null
}

export interface Cancelled {
  /** Tasks that this call cancelled. */
  readonly tasks: readonly string[]
  /** Tasks that landed before they could be stopped. */
  readonly landed: readonly string[]
  /** Another process works on the run: it ends what must end and continues with the rest. */
  readonly held: boolean
}

/** In these states there is nothing to cancel. */
const OVER: ReadonlySet<TaskStatus> = new Set(['done', 'cancelled'])

/**
 * Gives up a run: every task that is not done is cancelled, and so is the run. Durable at once; a process that works on the run
 * ends its agents within a second or two and stops. Repeatable. Throws `run_ended` for a run that is done.
 */
export async function cancelRun(request: CancelRequest): Promise<Cancelled> {
  const { record, repository, run } = request
  return holdRun(record, repository, run, async (lease) => {
    const was = await findRun(record.read, run.id)
    const tasks = await record.write(async (tx) => {
      const current = await findRun(tx, run.id)
      if (current?.status === 'done') throw runEnded(run)
      // Blocked and replan tasks keep their status, because their own reason says more than that the run was given up.
      const open = (await listTasks(tx, run.id)).filter(
        (task) => !OVER.has(task.status) && !['blocked', 'replan'].includes(task.status),
      )
      const now = record.now()
      const message = givenUpBecause(request.note)
      for (const task of open) await giveUp(tx, run, task, { code: WITH_RUN, message }, now, 'user')
      await changeRun(tx, run.id, now, { status: 'cancelled', reason: { code: 'cancelled', message } })
      return open
    })
    const landed = await stopTasks(request, tasks, lease !== null)
    if (lease !== null && (was?.status !== 'cancelled' || tasks.length > 0)) await endRun(request, 'cancelled')
    return { tasks: names(tasks, landed), landed, held: lease === null }
  })
}

/**
 * Gives up one task: its agent is ended, its checkpoint closed, its workspaces freed. Tasks that depend on it are skipped when
 * the run continues. Durable at once; repeatable. Throws `task_done`.
 */
export async function cancelTask(request: CancelRequest, handle: string): Promise<Cancelled> {
  const { record, repository, run } = request
  return holdRun(record, repository, run, async (lease) => {
    const tasks = await record.write(async (tx) => {
      const task = await taskOf(tx, run, handle)
      if (task.status === 'done') throw taskDone(handle)
      const reason = { code: 'cancelled', message: givenUpBecause(request.note) }
      return (await giveUp(tx, run, task, reason, record.now(), 'user')) ? [task] : []
    })
    const landed = await stopTasks(request, tasks, lease !== null)
    if (lease !== null && tasks.length > 0) await endRun(request, null)
    return { tasks: names(tasks, landed), landed, held: lease === null }
  })
}

function names(tasks: readonly TaskRow[], landed: readonly string[]): string[] {
  return tasks.map((task) => task.handle).filter((handle) => !landed.includes(handle))
}

/** The commit with which a task of this run has landed, or null. */
export async function landedCommit(
  record: RecordStore,
  root: string,
  run: RunRow,
  handle: string,
): Promise<string | null> {
  if ((await readRef(root, branchRef(run.resultBranch))) === null) return null
  const { id, resultBranch, base } = run
  const landing = new Landing({
    root,
    run: id,
    resultBranch,
    base,
    moves: moveJournal(record.home, id),
    epochMark: () => '',
    restored: async () => {},
  })
  return landing.findLanded(handle)
}

/** Frees the workspaces of a task that no process works on. */
export async function releaseWorkspaces(record: RecordStore, root: string, run: RunRow, handle: string): Promise<void> {
  await workspacePool(record, run, root).release(handle)
}

/** Reason code of tasks that were given up together with their run. */
export const WITH_RUN = 'run_cancelled'

/** Ends what is left of cancelled tasks outside the record. Those that landed before are marked done; returns their handles. */
async function stopTasks(request: CancelRequest, tasks: readonly TaskRow[], alone: boolean): Promise<string[]> {
  const { record, repository, run } = request
  const landed: string[] = []
  for (const task of tasks) {
    if (task.status === 'running') {
      await fence(request, task)
      if (await noteLanded(request, task)) landed.push(task.handle)
    }
    // A process that is still ending the agent frees the workspace itself, once nothing writes there any more.
    if (alone || task.status !== 'running') await releaseWorkspaces(record, repository.root, run, task.handle)
  }
  return landed
}

/** Makes git refuse ref moves for this task by its earlier holder. */
async function fence({ record, repository, run }: CancelRequest, task: TaskRow): Promise<void> {
  const epoch = task.epoch + 1
  const stillOurs = (): Promise<void> => assertEpoch(record.read, run.id, task.handle, epoch)
  await raiseEpochRef(repository.root, run.id, task.handle, epoch, stillOurs, moveJournal(record.home, run.id))
}

async function noteLanded({ record, repository, run }: CancelRequest, task: TaskRow): Promise<boolean> {
  const commit = await landedCommit(record, repository.root, run, task.handle)
  if (commit === null) return false
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch + 1)
    const now = record.now()
    const reason = { code: 'landed', message: `landed as ${commit.slice(0, 12)} before it could be cancelled` }
    await changeTask(tx, run.id, task.handle, now, { status: 'done', commit, reason })
    await tell(tx, now, run, task.handle, 'task.done', 'belay', { phase: task.phase, reason })
  })
  return true
}

/** Called when no process works on the run: stores that the run has ended, unless one of its tasks can still continue. */
async function endRun({ record, repository, run }: CancelRequest, wanted: 'cancelled' | null): Promise<void> {
  await record.write(async (tx) => {
    const tasks = await listTasks(tx, run.id)
    if (wanted === null && tasks.some((task) => ['queued', 'running', 'waiting', 'suspended'].includes(task.status)))
      return
    const current = await findRun(tx, run.id)
    const until = run.options['until']
    const status = wanted ?? runStatus(tasks, typeof until === 'string' ? until : null)
    const now = record.now()
    await changeRun(tx, run.id, now, { status, ...(wanted === null ? { reason: null } : {}) })
    await tell(tx, now, run, null, 'run.finished', 'user', {
      status,
      exit_code: exitOf(status),
      landed: current?.landed ?? null,
      finish_command: current?.finishCommand ?? null,
      progress: progressOf(tasks),
    })
  })
  await workspacePool(record, run, repository.root).clear()
}

function taskDone(handle: string): BelayError {
  return new BelayError('task_done', `task ${handle} is done: there is nothing to cancel`, { next: 'belay status' })
}

function runEnded(run: RunRow): BelayError {
  return new BelayError('run_ended', `run ${run.id} is done: there is nothing to cancel`, {
    next: `belay status ${run.id}`,
  })
}
