import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import { quoteShell } from '../git/quote.ts'
import { openRepository, type Repository } from '../git/repository.ts'
import { RecordStore, findRun, listRuns, listTasks, stateHome, type RunRow, type TaskRow } from '../record/index.ts'
import { projectHere } from '../runs/project.ts'
import type { Io } from './io.ts'

/** Opens the user's record for `work`, and closes it in any case. */
export async function withRecord<T>(io: Io, work: (record: RecordStore) => Promise<T>): Promise<T> {
  const record = RecordStore.open(stateHome(io.env))
  try {
    return await work(record)
  } finally {
    await record.close()
  }
}

/** The repository around the current folder. */
export async function here(io: Io): Promise<Repository> {
  return openRepository(io.cwd)
}

/** Id of the current folder's project: its repository or, outside of one, the nearest folder above that Belay knows. */
export async function projectIdHere(io: Io, record: RecordStore): Promise<string> {
  return (await projectHere(record, io.cwd)).id
}

/** The run with this id; without one, the newest run of the project, or null. Throws `run_unknown`. */
export async function selectRun(record: RecordStore, project: string, id: string | undefined): Promise<RunRow | null> {
  const runs = await listRuns(record.read, project)
  if (id === undefined) return runs[0] ?? null
  return (await findRun(record.read, id)) ?? Promise.reject(runUnknown(id, runs))
}

/** The task that a user means by TASK. */
export interface TaskChoice {
  readonly run: RunRow
  readonly task: TaskRow
  /** The task's name in commands shown to the user: its handle, or RUN/HANDLE for an older run; quoted for a shell. */
  readonly ref: string
}

/**
 * The task called `name`: a handle in the newest run of the project, or RUN/HANDLE. Letter case matters only if it
 * distinguishes tasks. Throws `run_unknown` or `task_unknown`, with the nearest name.
 */
export async function selectTask(record: RecordStore, project: string, name: string): Promise<TaskChoice> {
  const runs = await listRuns(record.read, project)
  const [newest] = runs
  const tasks = newest === undefined ? [] : await listTasks(record.read, newest.id)
  const found = byHandle(tasks, name)
  if (newest !== undefined && found !== null) return { run: newest, task: found, ref: quoteShell(found.handle) }
  const slash = name.indexOf('/')
  if (slash > 0) return inRun(record, runs, name.slice(0, slash), name.slice(slash + 1))
  if (newest === undefined) throw runUnknown(name, runs)
  throw taskUnknown(name, newest, tasks)
}

async function inRun(record: RecordStore, runs: readonly RunRow[], id: string, handle: string): Promise<TaskChoice> {
  const run = await findRun(record.read, id)
  if (run === null) throw runUnknown(id, runs)
  const tasks = await listTasks(record.read, run.id)
  const task = byHandle(tasks, handle)
  if (task === null) throw taskUnknown(handle, run, tasks)
  const plain = run.id === runs[0]?.id ? task.handle : `${run.id}/${task.handle}`
  return { run, task, ref: quoteShell(plain) }
}

function byHandle(tasks: readonly TaskRow[], name: string): TaskRow | null {
  const exact = tasks.find((task) => task.handle === name)
  if (exact) return exact
  const loose = tasks.filter((task) => task.handle.toLowerCase() === name.toLowerCase())
  return loose.length === 1 ? (loose[0] ?? null) : null
}

function taskUnknown(name: string, run: RunRow, tasks: readonly TaskRow[]): BelayError {
  const handles = tasks.map((task) => task.handle)
  const near = nearest(name, handles)
  const more = handles.length > 20 ? ` and ${handles.length - 20} more` : ''
  return new BelayError('task_unknown', `there is no task "${name}" in run ${run.id}`, {
    expected: `${handles.slice(0, 20).join(', ')}${more}`,
    received: name,
    next: near === null ? 'belay status' : `did you mean ${quoteShell(near)}?`,
  })
}

function runUnknown(id: string, runs: readonly RunRow[]): BelayError {
  const near = nearest(
    id,
    runs.map((run) => run.id),
  )
  const none = runs.length === 0
  return new BelayError(
    'run_unknown',
    none ? 'no run has been made in this repository yet' : `there is no run "${id}"`,
    {
      expected: none
        ? 'a run'
        : runs
            .slice(0, 10)
            .map((run) => run.id)
            .join(', '),
      received: id,
      next: none ? 'belay run' : near === null ? 'belay status' : `belay status ${near}`,
    },
  )
}
