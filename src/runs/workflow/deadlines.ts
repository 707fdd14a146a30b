/** Time limits of a workflow and of its states with steps inside: what is not done in time is given up. */
import { formatDuration } from '../../core/duration.ts'
import { STEPS_INSIDE, STEP_TIMEOUT, WORKFLOW_TIMEOUT, stateOf } from '../../programs/workflow/index.ts'
import {
  changeRun,
  changeTask,
  findRun,
  listTasks,
  type Reader,
  type RecordStore,
  type RunRow,
  type TaskRow,
  type Writer,
} from '../../record/index.ts'
import { allStates, isComposite } from '../../workflows/index.ts'
import { giveUp } from '../lifecycle/task-moves.ts'
import type { WorkflowConfig } from './config.ts'

/** Interval at which limits are checked, in ms. */
const LOOK_MS = 250

interface Late {
  /** The step whose time is over; null: the whole run. */
  readonly handle: string | null
  readonly at: number
}

/** The limits that apply now: of the run, and of steps that wait for others. */
function limitsOf(run: RunRow, tasks: readonly TaskRow[]): Late[] {
  const { timeoutMs = null } = (run.config as WorkflowConfig).definition
  const found: Late[] = tasks.flatMap((task) => {
    const { until } = stateOf(task)
    const waits = task.status === 'suspended' && task.reason?.code === STEPS_INSIDE
    return waits && until !== null ? [{ handle: task.handle, at: Date.parse(until) }] : []
  })
  return timeoutMs === null ? found : [{ handle: null, at: Date.parse(run.createdAt) + timeoutMs }, ...found]
}

/**
 * Gives up the steps inside a step whose time is over; that step then continues by itself (`join` makes it fail). If the run's
 * own time is over, gives up all of it. Runs in the caller's transaction; repeated, it finds nothing to do.
 */
export async function giveUpLate(
  tx: Writer,
  run: RunRow,
  tasks: readonly TaskRow[],
  now: string,
): Promise<'nothing' | 'steps' | 'run'> {
  const late = limitsOf(run, tasks).filter(({ at }) => at <= Date.parse(now))
  if (late.some(({ handle }) => handle === null)) {
    await giveUpRun(tx, run, tasks, now)
    return 'run'
  }
  const given = new Set<string>()
  // Outermost first: the steps inside end with it.
  for (const { handle } of late.toSorted((a, b) => (a.handle ?? '').length - (b.handle ?? '').length)) {
    if (handle === null || given.has(handle)) continue
    const reason = { code: STEP_TIMEOUT, message: `the time of ${handle} was over` }
    for (const task of tasks) {
      if (!task.handle.startsWith(`${handle}.`) || given.has(task.handle)) continue
      if (await giveUp(tx, run, task, reason, now, 'belay')) given.add(task.handle)
    }
    await changeTask(tx, run.id, handle, now, { status: 'queued', reason: null })
  }
  return late.length === 0 ? 'nothing' : 'steps'
}

async function giveUpRun(tx: Writer, run: RunRow, tasks: readonly TaskRow[], now: string): Promise<void> {
  if ((await findRun(tx, run.id))?.status === 'cancelled') return
  const { timeoutMs } = (run.config as WorkflowConfig).definition
  const reason = { code: WORKFLOW_TIMEOUT, message: `the workflow was not done in ${formatDuration(timeoutMs ?? 0)}` }
  for (const task of tasks) {
    // The own reason of a blocked step says more.
    if (task.status !== 'blocked') await giveUp(tx, run, task, reason, now, 'belay')
  }
  await changeRun(tx, run.id, now, { status: 'cancelled', reason })
}

/** When the next limit is reached, in ms since the epoch; null: there is none. */
async function nextLimit(db: Reader, run: RunRow): Promise<number | null> {
  const all = limitsOf(run, await listTasks(db, run.id)).map(({ at }) => at)
  return all.length === 0 ? null : Math.min(...all)
}

export interface Watch {
  /** Throws what `look` threw. */
  stop(): Promise<void>
}

/** Calls `look` whenever a limit is reached, until it is stopped. A workflow without limits costs nothing. */
export function watchLimits(record: RecordStore, run: RunRow, look: () => Promise<unknown>): Watch {
  const { definition } = run.config as WorkflowConfig
  if (!hasLimits(definition)) return { stop: () => Promise.resolve() }
  let failure: { readonly error: unknown } | null = null
  let busy: Promise<void> | null = null
  const check = async (): Promise<void> => {
    const next = await nextLimit(record.read, run)
    if (next !== null && next <= record.clock.now()) await look()
  }
  const timer = setInterval(() => {
    busy ??= check()
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        busy = null
      })
  }, LOOK_MS)
  return {
    async stop() {
      clearInterval(timer)
      await busy
      if (failure !== null) throw failure.error
    },
  }
}

function hasLimits({ timeoutMs = null, flow }: WorkflowConfig['definition']): boolean {
  return timeoutMs !== null || allStates(flow).some((state) => isComposite(state) && (state.timeoutMs ?? null) !== null)
}
