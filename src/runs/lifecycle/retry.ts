import { BelayError } from '../../core/errors.ts'
import type { Repository } from '../../git/repository.ts'
import { beginAgain } from '../../programs/direct/again.ts'
import {
  changeRun,
  changeTask,
  dropOutages,
  findRun,
  findTask,
  listTasks,
  refuseHeld,
  type RecordStore,
  type RunRow,
  type TaskRow,
  type Writer,
} from '../../record/index.ts'
import { runLease } from '../lease-keys.ts'
import { refuseCleaned } from './cleaned.ts'
import { holdRun } from './hold.ts'
import { WITH_RUN, landedCommit, releaseWorkspaces } from './cancel.ts'
import { catchUp, readTaskAgain } from './reread.ts'
import { queueAfresh, taskOf, tell } from './task-moves.ts'

export interface RetryRequest {
  readonly record: RecordStore
  readonly repository: Repository
  readonly run: RunRow
  readonly handle: string
  /** Phase to start at; null: implement. */
  readonly from: string | null
}

export interface Retried {
  readonly task: TaskRow
  /** Whether the task was read again from its source. */
  readonly reread: boolean
  /** Tasks that depend on this one, were given up with the run before they began, and are now queued again. */
  readonly requeued: readonly string[]
  /** Open tasks of the source that are not part of the run. */
  readonly added: readonly string[]
}

/**
 * Starts a task over with fresh counters: queued at implement (or `from`), its checkpoint closed, its earlier attempts kept as
 * a separate round. A replan task is read again from its source. The task's epoch is raised, so that an earlier holder can no
 * longer write. Throws (exit 2) `held` if a living process works on this very task, `task_done`, `usage` for a wrong phase, and
 * the errors of reading the source; then nothing was queued.
 */
export async function retryTask(request: RetryRequest): Promise<Retried> {
  const { record, run } = request
  refuseCleaned(run)
  return holdRun(record, request.repository, run, async (lease) => {
    const task = await taskOf(record.read, run, request.handle)
    refuseDone(task)
    if (task.status === 'running' && lease === null) await refuseHeld(record, runLease(run.id))
    return retry(request, task, lease === null)
  })
}

async function retry({ record, repository, run, from }: RetryRequest, task: TaskRow, held: boolean): Promise<Retried> {
  const { handle } = task
  const again = beginAgain(task, from)
  const landed = await landedCommit(record, repository.root, run, handle)
  if (landed !== null) throw alreadyLanded(handle, landed)
  const newest = await catchUp(record, repository, run)
  const read = task.status === 'replan' ? await readTaskAgain(record, repository, run, task, newest) : null
  const requeued = await record.write(async (tx) => {
    const current = await findTask(tx, run.id, handle)
    if (current?.epoch !== task.epoch || current.status !== task.status) throw changedMeanwhile(handle)
    const now = record.now()
    await dropOutages(tx, run.id, true)
    // A run that was given up continues with this task.
    const given = await findRun(tx, run.id)
    if (given?.status === 'cancelled')
      await changeRun(tx, run.id, now, { status: held ? 'running' : 'interrupted', reason: null })
    await queueAfresh(tx, run, handle, now, {
      phase: again.phase,
      state: again.state,
      commit: null,
      ...(read === null ? {} : { title: read.title, definition: read.definition }),
    })
    const data = { phase: again.phase, because: 'retry', was: task.status, reread: read !== null }
    await tell(tx, now, run, handle, 'task.resumed', 'user', data)
    return requeueDependents(tx, run, handle, now)
  })
  await releaseWorkspaces(record, repository.root, run, handle)
  return { task: await taskOf(record.read, run, handle), reread: read !== null, requeued, added: read?.added ?? [] }
}

/** Queues dependents that were given up with the run, just as those of a blocked task continue once it is fixed. */
async function requeueDependents(tx: Writer, run: RunRow, handle: string, now: string): Promise<string[]> {
  const tasks = await listTasks(tx, run.id)
  const wanted = new Set([handle])
  // Repeated until nothing is added, because source order need not follow dependencies.
  for (let size = 0; size !== wanted.size;) {
    size = wanted.size
    for (const task of tasks)
      if (task.definition.dependsOn.some((one) => wanted.has(one.handle))) wanted.add(task.handle)
  }
  const found = tasks.filter(
    (task) =>
      task.handle !== handle &&
      wanted.has(task.handle) &&
      task.status === 'cancelled' &&
      task.phase === null &&
      task.reason?.code === WITH_RUN,
  )
  for (const task of found) {
    await changeTask(tx, run.id, task.handle, now, { status: 'queued', reason: null })
    const data = { phase: null, because: 'mended', was: task.status }
    await tell(tx, now, run, task.handle, 'task.resumed', 'user', data)
  }
  return found.map((task) => task.handle)
}

function refuseDone(task: TaskRow): void {
  if (task.status !== 'done') return
  throw new BelayError('task_done', `task ${task.handle} is done; what has landed is not done again`, {
    expected: 'a task that is not done',
    received: task.commit === null ? 'a task that was ticked from the start' : `commit ${task.commit.slice(0, 12)}`,
    next:
      task.commit === null ? 'untick it and begin a new run' : `git revert ${task.commit.slice(0, 12)}, then a new run`,
  })
}

function alreadyLanded(handle: string, commit: string): BelayError {
  return new BelayError(
    'task_done',
    `task ${handle} has landed already, as ${commit.slice(0, 12)}; Belay died before it noted that`,
    {
      next: 'belay resume',
    },
  )
}

function changedMeanwhile(handle: string): BelayError {
  return new BelayError('task_changed', `task ${handle} was changed by another process at this very moment`, {
    next: `look at it with: belay show ${handle}, then try again`,
  })
}
