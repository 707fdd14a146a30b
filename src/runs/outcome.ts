import type { RunStatus, TaskStatus } from '../core/words.ts'
import { withAncestors } from '../scheduler/graph.ts'
import type { TaskRow } from '../record/index.ts'

/** Exit statuses (docs/reference/cli.md), worst first. */
const EXIT: Readonly<Record<RunStatus, number>> = {
  failed: 1,
  interrupted: 130,
  suspended: 5,
  waiting: 4,
  blocked: 3,
  replan: 3,
  cancelled: 3,
  running: 1,
  done: 0,
}

export function exitOf(status: RunStatus): number {
  return EXIT[status]
}

/** The status of a run in which nothing runs any more: that of the worst of its wanted tasks. */
export function runStatus(tasks: readonly TaskRow[], until: string | null): RunStatus {
  const wanted = wantedTasks(tasks, until)
  const has = (...statuses: TaskStatus[]): boolean => wanted.some((task) => statuses.includes(task.status))
  // Checked first: tasks queued behind these wait with them.
  if (has('running')) return 'interrupted'
  if (has('suspended')) return 'suspended'
  if (has('waiting')) return 'waiting'
  if (has('queued')) return 'interrupted'
  if (has('blocked')) return 'blocked'
  if (has('replan')) return 'replan'
  if (has('cancelled')) return 'cancelled'
  return has('skipped') ? 'blocked' : 'done'
}

/** The tasks that the run must do: all, or `until` with its ancestors. */
export function wantedTasks(tasks: readonly TaskRow[], until: string | null): TaskRow[] {
  if (until === null) return [...tasks]
  const graph = tasks.map((task) => ({ handle: task.handle, dependsOn: task.definition.dependsOn }))
  const wanted = withAncestors(graph, until)
  return tasks.filter((task) => wanted.has(task.handle))
}

/** Counts for `data.progress` of events. */
export function progressOf(tasks: readonly TaskRow[]): {
  blocked: number
  completed: number
  suspended: number
  total: number
} {
  const count = (...statuses: TaskStatus[]): number => tasks.filter((task) => statuses.includes(task.status)).length
  return {
    blocked: count('blocked', 'replan', 'skipped', 'cancelled'),
    completed: count('done'),
    suspended: count('suspended', 'waiting'),
    total: tasks.length,
  }
}
