import { BelayError } from '../../core/errors.ts'
import { walk, type LoopBegin, type Walk } from '../../programs/workflow/index.ts'
import {
  assertLease,
  changeTask,
  insertTasks,
  listTasks,
  type Lease,
  type NewTask,
  type RecordStore,
  type RunRow,
} from '../../record/index.ts'
import { leastSteps, type State } from '../../workflows/index.ts'
import type { WorkflowConfig } from './config.ts'
import { giveUpLate } from './deadlines.ts'

/** The row of a step that has not begun. */
export function newStep({ handle, state }: { readonly handle: string; readonly state: State }): NewTask {
  const title = state.title ?? `${state.type.replace('_', ' ')} ${state.id}`
  return { handle, title, definition: { dependsOn: [], criteria: [], subject: title }, status: 'queued' }
}

/**
 * Gives up what took too long, creates the steps that come next, and queues steps whose inner steps have ended, in one
 * transaction under the run's lease. Repeated (also after a crash), it finds nothing left to do. Throws `too_many_steps` if the
 * workflow has more than `max_steps` steps, or a loop that is about to begin would exceed that.
 */
export async function expand(record: RecordStore, run: RunRow, lease: Lease): Promise<Walk> {
  const { definition } = run.config as WorkflowConfig
  return record.write(async (tx) => {
    await assertLease(tx, lease)
    const now = record.now()
    let tasks = await listTasks(tx, run.id)
    let found = walk(definition, tasks, run.base || null)
    // A workflow that has reached its end was in time.
    if (found.end.kind === 'done') return found
    const late = await giveUpLate(tx, run, tasks, now)
    if (late !== 'nothing') {
      tasks = await listTasks(tx, run.id)
      found = walk(definition, tasks, run.base || null)
    }
    if (late === 'run') return { ...found, create: [], join: [] }
    if (tasks.length + found.create.length > definition.maxSteps) throw tooMany(definition.maxSteps)
    for (const loop of found.loops) checkRoom(loop, tasks.length, definition.maxSteps)
    await insertTasks(tx, run.id, now, found.create.map(newStep))
    for (const handle of found.join) {
      await changeTask(tx, run.id, handle, now, { status: 'queued', reason: null })
    }
    return found
  })
}

/** The size of a loop is known when it begins, so one that cannot finish is refused before any of its work is done. */
function checkRoom({ handle, items, flow }: LoopBegin, taken: number, limit: number): void {
  const least = items * leastSteps(flow)
  if (taken + least <= limit) return
  throw new BelayError('too_many_steps', `the ${items} items of ${handle} come to at least ${least} steps`, {
    exit: 1,
    expected: `at most ${limit} steps (max_steps), of which ${taken} are taken`,
    received: `${taken + least} or more`,
    next: 'raise max_steps or give it fewer items, and run it again',
  })
}

function tooMany(limit: number): BelayError {
  return new BelayError('too_many_steps', `the workflow has come to more than ${limit} steps`, {
    exit: 1,
    expected: `at most ${limit} steps (max_steps)`,
    received: 'one more',
    next: 'look for a cycle that does not end, or raise max_steps and run it again',
  })
}
