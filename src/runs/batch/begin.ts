import { iso } from '../../core/clock.ts'
import { newRunId } from '../../core/ids.ts'
import { batchProgram, stateOf, type ResultNote } from '../../programs/batch/index.ts'
import {
  assertLease,
  changeTask,
  createRun,
  findRun,
  insertArtifacts,
  insertTasks,
  listRuns,
  listTasks,
  setRunConfig,
  upsertProject,
  type Lease,
  type NewTask,
  type RecordStore,
  type RunRow,
  type TaskRow,
  type Writer,
} from '../../record/index.ts'
import { giveUp, queueAfresh, tell } from '../lifecycle/task-moves.ts'
import { progressOf } from '../outcome.ts'
import { isUnfinished } from '../resume.ts'
import type { FileState } from './files.ts'
import type { BatchPlan } from './plan.ts'

/** Reason code of a task whose file is no longer part of the batch. */
export const NOT_IN_BATCH = 'not_in_batch'

/**
 * The run for the batch: its newest one if that is unfinished (or if nothing is to be done at all), otherwise a new one. Must
 * be called under the batch's lease.
 */
export async function beginBatch(
  record: RecordStore,
  plan: BatchPlan,
  files: readonly FileState[],
  lease: Lease,
): Promise<RunRow> {
  const { config, project } = plan
  const runs = await listRuns(record.read, project.id, 1000)
  const newest = runs.find((run) => run.program === batchProgram.name && run.source.path === config.file)
  if (newest && ((await isUnfinished(record, newest)) || (await isSame(record, newest, plan, files)))) {
    return goOnWith(record, newest, plan, files, lease)
  }
  return newRun(record, plan, files)
}

/** Whether nothing is to be done and the finished run already says so. */
async function isSame(
  record: RecordStore,
  run: RunRow,
  { config }: BatchPlan,
  files: readonly FileState[],
): Promise<boolean> {
  if (run.status !== 'done' || files.some((file) => !file.done || file.why === 'found')) return false
  const handles = (await listTasks(record.read, run.id)).map((task) => task.handle)
  return (
    JSON.stringify(run.config) === JSON.stringify(config) &&
    sameMembers(
      handles,
      files.map((file) => file.path),
    )
  )
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a)
  return set.size === b.length && b.every((one) => set.has(one))
}

async function newRun(
  record: RecordStore,
  { config, project }: BatchPlan,
  files: readonly FileState[],
): Promise<RunRow> {
  const id = newRunId(record.clock.now())
  await upsertProject(record, project.id, project.root)
  const done = files.filter((file) => file.done).length
  await createRun(
    record,
    {
      id,
      project: project.id,
      program: batchProgram.name,
      source: { kind: 'batch', feature: null, path: config.file, prompt: null },
      target: null,
      base: '',
      resultBranch: '',
      options: {},
      config,
    },
    files.map(taskOf),
    [
      {
        type: 'run.started',
        project: project.id,
        run: id,
        data: {
          program: batchProgram.name,
          source: 'batch',
          config: config.file,
          results: config.results,
          started_at: iso(record.clock.now()),
          progress: { blocked: 0, completed: done, suspended: 0, total: files.length },
        },
      },
    ],
  )
  await record.write((tx) => adopt(tx, record.now(), id, files))
  return stored(record, id)
}

function taskOf({ path, done }: FileState): NewTask {
  return {
    handle: path,
    title: path,
    definition: { dependsOn: [], criteria: [], subject: path },
    status: done ? 'done' : 'queued',
  }
}

/** Stores the digests of files whose results were found, so that later edits of these files are noticed. */
async function adopt(tx: Writer, now: string, run: string, files: readonly FileState[]): Promise<void> {
  for (const { path, why, digest } of files) {
    if (why !== 'found' || digest === null) continue
    const note: ResultNote = { digest, question: null }
    await insertArtifacts(tx, { run, task: path, phase: 'prepare', attempt: 0 }, now, [{ kind: 'result', data: note }])
  }
}

/** Updates the tasks of a run to the current state of the batch, in one transaction. */
async function goOnWith(
  record: RecordStore,
  run: RunRow,
  { config }: BatchPlan,
  files: readonly FileState[],
  lease: Lease,
): Promise<RunRow> {
  // Blocked files are tried again if something about them has changed; otherwise the next run does that.
  const asked = JSON.stringify({ ...config, concurrency: 0, budget: 0 })
  const changed = asked !== JSON.stringify({ ...(run.config as object), concurrency: 0, budget: 0 })
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    const now = record.now()
    const tasks = new Map((await listTasks(tx, run.id)).map((task) => [task.handle, task]))
    await setRunConfig(tx, run.id, now, { config, options: run.options })
    await insertTasks(tx, run.id, now, files.filter((file) => !tasks.has(file.path)).map(taskOf))
    await adopt(tx, now, run.id, files)
    const present = new Set(files.map((file) => file.path))
    for (const task of tasks.values()) {
      if (!present.has(task.handle)) await leaveOut(tx, now, run, task)
    }
    for (const file of files) {
      const task = tasks.get(file.path)
      if (!task) continue
      if (isToDoAgain(task, file, changed)) await again(tx, now, run, task, true)
      else if (task.status === 'suspended' && (changed || waitsForBudget(task))) await again(tx, now, run, task, false)
    }
  })
  return stored(record, run.id)
}

function isToDoAgain(task: TaskRow, file: FileState, changed: boolean): boolean {
  switch (task.status) {
    case 'done':
      return !file.done
    case 'blocked':
      return changed || (file.digest !== null && file.digest !== stateOf(task).digest)
    case 'cancelled':
      return task.reason?.code === NOT_IN_BATCH && !file.done
    case 'queued':
    case 'running':
    case 'waiting':
    case 'suspended':
    case 'replan':
    case 'skipped':
      return false
  }
}

function waitsForBudget(task: TaskRow): boolean {
  return task.reason?.code.startsWith('budget_') ?? false
}

/** `afresh`: from the first phase, with fresh counters; otherwise the task continues where it is. */
async function again(tx: Writer, now: string, run: RunRow, task: TaskRow, afresh: boolean): Promise<void> {
  const { handle, phase } = task
  if (afresh) await queueAfresh(tx, run, handle, now, { phase: null, state: { notes: stateOf(task).notes } })
  else await changeTask(tx, run.id, handle, now, { status: 'queued', reason: null, wakeAt: null })
  const data = afresh ? { phase: null, because: 'changed' } : { phase, because: 'resumed' }
  await tell(tx, now, run, handle, 'task.resumed', 'belay', data)
}

/** Gives up the task of a file that is gone or no longer wanted; its result, if any, stays. */
async function leaveOut(tx: Writer, now: string, run: RunRow, task: TaskRow): Promise<void> {
  const reason = { code: NOT_IN_BATCH, message: 'the file is not part of the batch any more' }
  await giveUp(tx, run, task, reason, now, 'belay')
}

/** The tasks of a run whose files are still part of the batch. */
export function counted(tasks: readonly TaskRow[]): TaskRow[] {
  return tasks.filter((task) => task.reason?.code !== NOT_IN_BATCH)
}

export function batchProgress(tasks: readonly TaskRow[]): ReturnType<typeof progressOf> {
  return progressOf(counted(tasks))
}

async function stored(record: RecordStore, id: string): Promise<RunRow> {
  const run = await findRun(record.read, id)
  if (!run) throw new Error(`run ${id} was not stored`)
  return run
}
