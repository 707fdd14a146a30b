/** Names from the record. */
import { batchProgram } from '../../programs/batch/index.ts'
import { beginAgain } from '../../programs/direct/again.ts'
import { directProgram } from '../../programs/direct/program.ts'
import { workflowProgram } from '../../programs/workflow/index.ts'
import { listCheckpoints, listRuns, listTasks, type RecordStore, type TaskRow } from '../../record/index.ts'
import type { Io } from '../io.ts'
import { projectIdHere, selectTask, withRecord } from '../session.ts'
import type { Offer } from './lists.ts'

/** Every program of `belay program show`. */
export const PROGRAM_NAMES = [directProgram, batchProgram, workflowProgram].map(({ name }) => name)

/** Tasks of the project's newest run. */
export function tasksHere(io: Io): Promise<Offer[]> {
  return inProject(io, async (record, project) => {
    const [newest] = await listRuns(record.read, project)
    const tasks = newest === undefined ? [] : await listTasks(record.read, newest.id)
    return tasks.map((task) => ({ name: task.handle, what: `${task.status}, ${task.title}` }))
  })
}

export function runsHere(io: Io): Promise<Offer[]> {
  return inProject(io, async (record, project) =>
    (await listRuns(record.read, project)).map(({ id, status, source }) => ({
      name: id,
      what: `${status}, ${source.feature ?? source.prompt ?? ''}`,
    })),
  )
}

/** Open questions of the project's runs. */
export function questionsHere(io: Io): Promise<Offer[]> {
  return inProject(io, async (record, project) =>
    (await openIn(record, project)).map(({ id, task, question }) => ({ name: id, what: `${task}: ${question}` })),
  )
}

/** The possible answers to a question. */
export function answersTo(io: Io, id: string): Promise<Offer[]> {
  return inProject(io, async (record, project) => {
    const question = (await openIn(record, project)).find((one) => one.id === id)
    return (question?.options ?? []).map((name) => ({ name, what: '' }))
  })
}

/** The phases at which the task can start over; without a task, every phase that any task could. */
export function phasesOf(io: Io, handle: string | null): Promise<Offer[]> {
  const all = [...directProgram.phases.keys()]
  return inProject(io, async (record, project) => {
    const found = handle === null ? null : await selectTask(record, project, handle).catch(() => null)
    if (found === null) return all.filter((name) => name !== 'decide').map(offered)
    if (found.run.program === batchProgram.name) return [offered(batchProgram.entry)]
    if (found.run.program === workflowProgram.name) return [offered(workflowProgram.entry)]
    return all.filter((phase) => mayBegin(found.task, phase)).map(offered)
  })
}

function mayBegin(task: TaskRow, phase: string): boolean {
  try {
    beginAgain(task, phase)
    return true
  } catch {
    return false // the command itself says why
  }
}

function offered(name: string): Offer {
  return { name, what: 'phase' }
}

async function openIn(record: RecordStore, project: string) {
  const runs = (await listRuns(record.read, project)).map((run) => run.id)
  return listCheckpoints(record.read, { runs, open: true })
}

function inProject<T>(io: Io, work: (record: RecordStore, project: string) => Promise<T>): Promise<T> {
  return withRecord(io, async (record) => work(record, await projectIdHere(io, record)))
}
