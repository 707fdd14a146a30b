import { BelayError } from '../../core/errors.ts'
import { STEPS_INSIDE, STEP_TIMEOUT, stateOf, workflowProgram } from '../../programs/workflow/index.ts'
import type { RecordStore, RunRow, TaskChange, TaskRow } from '../../record/index.ts'
import { refuseCleaned } from '../lifecycle/cleaned.ts'
import { beginAgain, giveUpTasks } from '../lifecycle/plain-tasks.ts'
import { progressOf } from '../outcome.ts'

/**
 * Starts a step over with fresh counters. A step with steps inside collects their results again or, if its time was over,
 * starts over with new inner steps. Throws (exit 2) `task_done` for a step that is over, `held` while a process works on it,
 * `usage` for any phase but the first.
 */
export async function retryStep(
  record: RecordStore,
  run: RunRow,
  handle: string,
  from: string | null,
): Promise<TaskRow> {
  refuseCleaned(run)
  const { entry } = workflowProgram
  return beginAgain({ record, run, handle, from, entry, called: 'a step of a workflow', change: again })
}

function again(task: TaskRow): TaskChange {
  const { handle, status, reason, phase, state } = task
  if (status === 'done') throw over(handle)
  if (reason?.code === STEPS_INSIDE) throw inside(handle)
  if (reason?.code === STEP_TIMEOUT && status === 'cancelled') throw givenUp(handle)
  const { notes, tries } = stateOf(task)
  if (phase !== 'join') return { phase: null, state: { notes, tries }, commit: null }
  if (reason?.code === STEP_TIMEOUT) return { phase: null, state: { notes, tries: tries + 1 }, commit: null }
  return { phase, state, commit: null }
}

/**
 * Gives up a step and the steps inside it or, if `handle` is null, all steps that are neither over nor blocked and the run with
 * them. A process that works on them ends its agents within a second or two. Returns what was given up. Throws `run_ended` for
 * a run that is done.
 */
export function cancelSteps(
  record: RecordStore,
  run: RunRow,
  handle: string | null,
  note: string | null,
): Promise<readonly string[]> {
  // Together with the run, blocked steps stay blocked, because their own reason says more.
  const isMeant = (task: TaskRow): boolean =>
    handle === null ? task.status !== 'blocked' : task.handle === handle || task.handle.startsWith(`${handle}.`)
  const counted = (tasks: readonly TaskRow[]): TaskRow[] => [...tasks]
  return giveUpTasks({ record, run, whole: handle === null, note, isMeant, counted, progress: progressOf })
}

function over(handle: string): BelayError {
  return new BelayError('task_done', `step ${handle} is over, and what follows was built on it`, {
    expected: 'a step that is not over',
    received: 'done',
    next: 'belay workflow run (a new run)',
  })
}

function inside(handle: string): BelayError {
  return new BelayError('steps_inside', `step ${handle} waits for the steps inside of it`, {
    expected: 'a step that failed or was given up',
    received: handle,
    next: 'belay status, then retry the step inside that failed',
  })
}

function givenUp(handle: string): BelayError {
  return new BelayError('task_done', `step ${handle} was given up, because the time of a step around it was over`, {
    expected: 'the step around it, which begins anew with steps of its own',
    received: handle,
    next: 'belay status',
  })
}
