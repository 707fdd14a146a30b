/** The session's task list: what the agent plans to do, in `tasks.json` of the session's folder. */
import {
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { BelayError } from '../../../core/errors.ts'
import { randomId } from '../../../core/ids.ts'

export const PROGRESS = ['pending', 'in_progress', 'completed'] as const

const taskSchema = z.strictObject({
  id: z.string(),
  subject: z.string(),
  description: z.string(),
  /** What people see while the task is being worked on: `Running the tests`. */
  active_form: z.string().nullable(),
  status: z.enum(PROGRESS),
  /** Tasks that must be completed before this one; the only direction that is stored. */
  blocked_by: z.array(z.string()),
  created_at: z.string(),
  updated_at: z.string(),
})

const listSchema = z.strictObject({
  version: z.literal(1),
  /** The next id: no id is used twice. */
  next: z.int().min(1),
  tasks: z.array(taskSchema),
})

export type ListedTask = z.infer<typeof taskSchema>
export type TaskList = z.infer<typeof listSchema>

const FILE = 'tasks.json'

/** Loads the list of the session that keeps its files in `store`; empty before the first task. Throws `tasks_damaged`. */
export function loadTasks(store: string): TaskList {
  const path = join(store, FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { version: 1, next: 1, tasks: [] }
    throw error
  }
  try {
    return listSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new BelayError('tasks_damaged', `the task list of this session cannot be read: ${path}`, {
      next: 'a person can mend or remove the file; go on without a task list',
      cause,
    })
  }
}

/** Stores the list atomically: after a crash the file holds either the old or the new list. */
export function saveTasks(store: string, list: TaskList): void {
  mkdirSync(store, { recursive: true, mode: 0o700 })
  const temporary = join(store, `${FILE}.${randomId(8)}`)
  try {
    const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
    try {
      writeFileSync(fd, JSON.stringify(list, null, 1))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, join(store, FILE))
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

/** The task `id`. Throws `unknown_task`, which names the existing ones. */
export function taskOf({ tasks }: TaskList, id: string): ListedTask {
  const found = tasks.find((task) => task.id === id)
  if (found) return found
  const ids = tasks.map((task) => task.id)
  throw new BelayError('unknown_task', `there is no task ${id}`, {
    expected: ids.join(', ') || 'a task made with task_create',
    next: ids.length === 0 ? 'the list is empty' : `the tasks are: ${ids.join(', ')}`,
  })
}

/** Ids of the tasks that wait for `id`. */
export function blocksOf({ tasks }: TaskList, id: string): string[] {
  return tasks.filter((task) => task.blocked_by.includes(id)).map((task) => task.id)
}

/** Makes `waiting` wait for `first`. Throws `unknown_task`, or `task_cycle` if `first` already waits for `waiting`. */
export function addDependency(list: TaskList, waiting: string, first: string): void {
  const task = taskOf(list, waiting)
  const path = pathBetween(list, first, waiting)
  if (path !== null) {
    throw new BelayError(
      'task_cycle',
      `task ${waiting} cannot wait for ${first}: that would be a circle (${[waiting, ...path].join(' waits for ')})`,
    )
  }
  if (!task.blocked_by.includes(first)) task.blocked_by.push(first)
}

/** The chain of dependencies from `from` to `to`; null: `from` does not wait for `to`. */
function pathBetween(list: TaskList, from: string, to: string, seen = new Set<string>()): string[] | null {
  const task = taskOf(list, from)
  if (from === to) return [from]
  if (seen.has(from)) return null
  seen.add(from)
  for (const next of task.blocked_by) {
    const rest = pathBetween(list, next, to, seen)
    if (rest !== null) return [from, ...rest]
  }
  return null
}

/** Removes a task; no task waits for it any longer. */
export function removeTask(list: TaskList, id: string): void {
  taskOf(list, id)
  list.tasks = list.tasks.filter((task) => task.id !== id)
  for (const task of list.tasks) task.blocked_by = task.blocked_by.filter((other) => other !== id)
}
