import { BelayError } from '../core/errors.ts'
import { parseDuration } from '../core/duration.ts'
import {
  changeTask,
  findRun,
  listRuns,
  listTasks,
  setRunConfig,
  type RecordStore,
  type RunRow,
  type TaskRow,
} from '../record/index.ts'
import type { Config } from '../config/index.ts'
import { hasWork } from '../scheduler/loop.ts'
import { STEPS_INSIDE } from '../programs/workflow/reasons.ts'
import { tell } from './lifecycle/task-moves.ts'
import { wantedTasks } from './outcome.ts'

export interface LimitFlags {
  readonly concurrency?: string
  readonly budgetUsd?: string
  readonly budgetTokens?: string
  readonly budgetWall?: string
  readonly allowUnknownCost?: true
  readonly acceptRedBaseline?: true
  readonly allowAbsentGates?: true
}

/**
 * The run with this id; without one, the project's newest unfinished run, or null. A run counts as finished if a later run of
 * the same source covers all its open tasks, which would otherwise be done twice. Throws `run_unknown`.
 */
export async function resumableRun(
  record: RecordStore,
  project: string,
  id: string | undefined,
): Promise<RunRow | null> {
  const runs = await listRuns(record.read, project, 1000)
  if (id === undefined) {
    for (const [i, run] of runs.entries()) {
      if ((await isUnfinished(record, run)) && !(await isTakenUp(record, run, runs.slice(0, i)))) return run
    }
    return null
  }
  const run = await findRun(record.read, id)
  if (run && run.project === project) return run
  throw new BelayError('run_unknown', `there is no run "${id}" in this repository`, {
    expected:
      runs
        .slice(0, 10)
        .map((one) => one.id)
        .join(', ') || 'no run yet',
    received: id,
    next: 'belay status',
  })
}

/** Whether one of the `later` runs covers everything that is open in `run`. */
async function isTakenUp(record: RecordStore, run: RunRow, later: readonly RunRow[]): Promise<boolean> {
  const source = JSON.stringify(run.source)
  const same = later.filter(
    (one) => one.program === 'direct' && one.target === run.target && JSON.stringify(one.source) === source,
  )
  if (run.program !== 'direct' || same.length === 0) return false
  const open = (await wantedOf(record, run)).filter((task) => task.status !== 'done')
  for (const one of same) {
    const taken = new Set((await wantedOf(record, one)).map((task) => task.handle))
    if (open.every((task) => taken.has(task.handle))) return true
  }
  return false
}

async function wantedOf(record: RecordStore, run: RunRow): Promise<TaskRow[]> {
  const { until } = run.options
  return wantedTasks(await listTasks(record.read, run.id), typeof until === 'string' ? until : null)
}

/** Whether resuming could change anything: some work needs no person first, or the target has not followed. */
export async function isUnfinished(record: RecordStore, run: RunRow): Promise<boolean> {
  if (run.options['cleaned'] === true) return false
  if (run.status === 'done') return run.landed === false && run.target !== null
  if (['running', 'interrupted', 'suspended', 'waiting', 'failed'].includes(run.status)) return true
  const until = run.options['until']
  const all = await listTasks(record.read, run.id)
  const wanted = { until: typeof until === 'string' ? until : null, keepGoing: run.options['keepGoing'] === true }
  const isMoving = wantedTasks(all, wanted.until).some(
    (task) => ['queued', 'running', 'suspended', 'waiting'].includes(task.status) && task.reason?.code !== STEPS_INSIDE,
  )
  return isMoving || hasWork(all, { ...wanted, now: record.clock.now() })
}

/** Stores raised limits, and queues the tasks that waited for them. */
export async function changeLimits(record: RecordStore, run: RunRow, flags: LimitFlags): Promise<RunRow> {
  const config = run.config as Config
  const raised: Config = {
    ...config,
    concurrency: wholeFlag('--concurrency', flags.concurrency, MAX_CONCURRENCY) ?? config.concurrency,
    budget: {
      ...config.budget,
      usd: numberFlag('--budget-usd', flags.budgetUsd) ?? config.budget.usd,
      tokens: wholeFlag('--budget-tokens', flags.budgetTokens, Number.MAX_SAFE_INTEGER) ?? config.budget.tokens,
      wallMs: durationFlag('--budget-wall', flags.budgetWall) ?? config.budget.wallMs,
      unknownCost: flags.allowUnknownCost ? 'allow' : config.budget.unknownCost,
    },
  }
  const options = {
    ...run.options,
    ...(flags.acceptRedBaseline ? { acceptRedBaseline: true } : {}),
    ...(flags.allowAbsentGates ? { allowAbsentGates: true } : {}),
  }
  await record.write(async (tx) => {
    const now = record.now()
    await setRunConfig(tx, run.id, now, { config: raised, options })
    for (const task of await listTasks(tx, run.id)) {
      if (task.status !== 'suspended' || !(task.reason?.code.startsWith('budget_') ?? false)) continue
      await changeTask(tx, run.id, task.handle, now, { status: 'queued', reason: null })
      const data = { phase: task.phase, because: 'resumed' }
      await tell(tx, now, run, task.handle, 'task.resumed', 'user', data)
    }
  })
  return { ...run, config: raised, options }
}

/** The limit of the configuration's `concurrency`. */
const MAX_CONCURRENCY = 64

/** The value of a flag that takes a whole number from 1 to `most`; null if it was not given. Throws `usage`. */
export function wholeFlag(name: string, value: string | undefined, most: number): number | null {
  const number = numberFlag(name, value)
  if (number === null || (Number.isInteger(number) && number <= most)) return number
  throw new BelayError('usage', `${name} takes a whole number from 1 to ${most}`, {
    expected: 'a whole number',
    received: value ?? '',
  })
}

/** The value of a flag that takes a number above 0; null if it was not given. Throws `usage`. */
export function numberFlag(name: string, value: string | undefined): number | null {
  if (value === undefined) return null
  const number = Number(value)
  if (Number.isFinite(number) && number > 0 && value.trim() !== '') return number
  throw new BelayError('usage', `${name} takes a number above 0`, { expected: 'a number', received: value })
}

/** The value of a flag that takes a duration, in ms; null if it was not given. Throws `usage`. */
export function durationFlag(name: string, value: string | undefined): number | null {
  if (value === undefined) return null
  const ms = parseDuration(value)
  if (ms !== null) return ms
  throw new BelayError('usage', `${name} takes a duration`, {
    expected: 'a number with a unit, such as 90m or 8h',
    received: value,
  })
}
