import { z } from 'zod'
import { iso, systemClock, type Clock } from '../../../core/clock.ts'
import type { Tool } from '../../port.ts'
import { ALLOW, defineTool, done } from '../tool.ts'
import {
  PROGRESS,
  addDependency,
  blocksOf,
  loadTasks,
  removeTask,
  saveTasks,
  taskOf,
  type ListedTask,
  type TaskList,
} from './list.ts'

const MARKS: Readonly<Record<ListedTask['status'], string>> = { pending: ' ', in_progress: '>', completed: 'x' }

const id = z.string().min(1).max(20)
const subject = z.string().trim().min(1).max(200)
const description = z.string().max(10_000)
const activeForm = z.string().max(200).describe('What people see while it is worked on, such as "Running the tests".')

/** Tools for the session's task list, which survives compaction and restarts. */
export function taskTools(clock: Clock = systemClock): readonly Tool[] {
  const change = (store: string, with_: (list: TaskList, now: string) => string): string => {
    const list = loadTasks(store)
    const said = with_(list, iso(clock.now()))
    saveTasks(store, list)
    return `${said}\n${summaryOf(list)}`
  }

  return [
    defineTool({
      name: 'task_create',
      description:
        'Adds a task to the list of what is to be done in this session. Use the list for work of several steps; people see it.',
      input: z.strictObject({
        subject: subject.describe('What is to be done, in one line.'),
        description: description.default('').describe('What else matters for it.'),
        active_form: activeForm.optional(),
        blocked_by: z.array(id).max(50).default([]).describe('Ids of tasks to be completed before.'),
      }),
      effect: 'write',
      title: (input) => `new task: ${input.subject}`,
      demand: () => ALLOW,
      async run(input, { store }) {
        const text = change(store, (list, now) => {
          const made = String(list.next)
          list.next += 1
          list.tasks.push({
            id: made,
            subject: input.subject,
            description: input.description,
            active_form: input.active_form ?? null,
            status: 'pending',
            blocked_by: [],
            created_at: now,
            updated_at: now,
          })
          for (const other of input.blocked_by) addDependency(list, made, other)
          return `task ${made} was added`
        })
        return done(text)
      },
    }),
    defineTool({
      name: 'task_update',
      description: `Changes a task: in_progress when you begin it, completed when it is really done, deleted when it is not wanted any more. What is not given stays.`,
      input: z.strictObject({
        task_id: id,
        status: z.enum([...PROGRESS, 'deleted']).optional(),
        subject: subject.optional(),
        description: description.optional(),
        active_form: activeForm.optional(),
        add_blocks: z.array(id).max(50).default([]).describe('Ids of tasks that must wait for this one.'),
        add_blocked_by: z.array(id).max(50).default([]).describe('Ids of tasks that this one must wait for.'),
      }),
      effect: 'write',
      title: (input) => `task ${input.task_id}${input.status === undefined ? '' : `: ${input.status}`}`,
      demand: () => ALLOW,
      async run(input, { store }) {
        const text = change(store, (list, now) => {
          const task = taskOf(list, input.task_id)
          for (const other of input.add_blocks) addDependency(list, taskOf(list, other).id, task.id)
          for (const other of input.add_blocked_by) addDependency(list, task.id, other)
          if (input.status === 'deleted') {
            removeTask(list, task.id)
            return `task ${task.id} was deleted`
          }
          task.status = input.status ?? task.status
          task.subject = input.subject ?? task.subject
          task.description = input.description ?? task.description
          task.active_form = input.active_form ?? task.active_form
          task.updated_at = now
          return `task ${task.id} was changed${openOf(list, task).length > 0 && task.status === 'in_progress' ? `; it still waits for ${openOf(list, task).join(', ')}` : ''}`
        })
        return done(text)
      },
    }),
    defineTool({
      name: 'task_get',
      description: 'Shows one task of the list with everything in it.',
      input: z.strictObject({ task_id: id }),
      effect: 'read',
      title: ({ task_id }) => `task ${task_id}`,
      demand: () => ALLOW,
      async run({ task_id }, { store }) {
        const list = loadTasks(store)
        const task = taskOf(list, task_id)
        return done(JSON.stringify({ ...task, blocks: blocksOf(list, task_id) }, null, 1))
      },
    }),
    defineTool({
      name: 'task_list',
      description: 'Shows the task list with a summary line.',
      input: z.strictObject({}),
      effect: 'read',
      title: () => 'task list',
      demand: () => ALLOW,
      async run(_, { store }) {
        const list = loadTasks(store)
        return done([...list.tasks.map((task) => lineOf(list, task)), summaryOf(list)].join('\n'))
      },
    }),
  ]
}

function openOf(list: TaskList, { blocked_by }: ListedTask): string[] {
  return blocked_by.filter((other) => taskOf(list, other).status !== 'completed')
}

function lineOf(list: TaskList, task: ListedTask): string {
  const open = openOf(list, task)
  const waits = task.status === 'completed' || open.length === 0 ? '' : ` (waits for ${open.join(', ')})`
  return `[${MARKS[task.status]}] ${task.id}: ${task.subject}${waits}`
}

function summaryOf({ tasks }: TaskList): string {
  if (tasks.length === 0) return 'the task list is empty'
  const count = (status: ListedTask['status']): number => tasks.filter((task) => task.status === status).length
  return `${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'}: ${count('completed')} completed, ${count('in_progress')} in progress, ${count('pending')} pending`
}
