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
  /** Tasks that are cancelled by this. */
  readonly tasks: readonly string[]
  /** Tasks that landed before they could be stopped. */
  readonly landed: readonly string[]
  /** A process works on the run: it ends what runs and goes on with the rest. */
  readonly held: boolean
}

/** Tasks in these states have nothing to be cancelled. */
const OVER: ReadonlySet<TaskStatus> = new Set(['done', 'cancelled'])

/**
 * Gives up a run: every task that is not done is cancelled, and the run with them. Durable at once; a process that works on
 * the run ends its agents within a second or two and leaves. Safe to repeat. Throws `run_ended` for a run that is done.
 */
export async function cancelRun(request: CancelRequest): Promise<Cancelled> {
  const { record, repository, run } = request
  return holdRun(record, repository, run, async (lease) => {
    const was = await findRun(record.read, run.id)
    const tasks = await record.write(async (tx) => {
      const current = await findRun(tx, run.id)
      if (current?.status === 'done') throw runEnded(run)
      // Blocked and replan tasks have ended by themselves: why they did is worth more than that they were given up.
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
 * Gives up one task: its agent is ended, its question too, its workspaces are free again. What depends on it is skipped when
 * the run goes on. Durable at once; safe to repeat. Throws `task_done`.
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

/** The commit by which a task of this run has landed, or null. */
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

/** Gives back the workspaces of a task that nobody works on. */
export async function releaseWorkspaces(record: RecordStore, root: string, run: RunRow, handle: string): Promise<void> {
  await workspacePool(record, run, root).release(handle)
}

/** Reason of tasks that were given up with their whole run. */
export const WITH_RUN = 'run_cancelled'

/** Ends what is left of cancelled tasks outside the record; those that landed first are done after all. */
async function stopTasks(request: CancelRequest, tasks: readonly TaskRow[], alone: boolean): Promise<string[]> {
  const { record, repository, run } = request
  const landed: string[] = []
  for (const task of tasks) {
    if (task.status === 'running') {
      await fence(request, task)
      if (await noteLanded(request, task)) landed.push(task.handle)
    }
    // A process that still ends the agent gives the workspace back itself, once nothing writes there any more.
    if (alone || task.status !== 'running') await releaseWorkspaces(record, repository.root, run, task.handle)
  }
  return landed
}

/** From now on git refuses ref moves for this task by whoever held it. */
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

/** Nobody works on the run: when nothing of it can go on any more, it has ended, and this is where that is noted. */
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
