import { BelayError } from '../../core/errors.ts'
import type { Reason, RunStatus } from '../../core/words.ts'
import type { TaskTransition } from '../../kernel/index.ts'
import { endEarlier } from '../../process/index.ts'
import { batchProgram, type BatchServices } from '../../programs/batch/index.ts'
import {
  findRun,
  keepRenewing,
  listTasks,
  releaseLease,
  takeLease,
  type Lease,
  type RecordStore,
  type RunRow,
  type TaskRow,
} from '../../record/index.ts'
import { hasWork, runTasks } from '../../scheduler/loop.ts'
import { removeScratch } from '../../workspace/pool.ts'
import { Notifier } from '../deliver.ts'
import { setStatus, type DriveResult } from '../drive.ts'
import { runLease } from '../lease-keys.ts'
import { meterWork } from '../lifecycle-worked.ts'
import { exitOf, runStatus } from '../outcome.ts'
import { checkRoles } from '../roles.ts'
import { endHolder } from '../takeover.ts'
import { batchProgress, counted } from './begin.ts'
import type { BatchConfig } from './config.ts'
import { openBatch } from './services.ts'

export interface BatchDriveOptions {
  readonly record: RecordStore
  readonly run: RunRow
  readonly env: Readonly<Record<string, string | undefined>>
  readonly noWait: boolean
  readonly signal: AbortSignal
}

/** What this process did of a batch, and how the rest stands. */
export interface BatchResult extends DriveResult {
  /** Files whose results were written now. */
  readonly processed: readonly string[]
  /** Files that had a result already. */
  readonly skipped: number
  readonly failed: readonly { readonly path: string; readonly reason: Reason }[]
  /** Files that are still to be done. */
  readonly left: number
  /** Absolute path of the results file. */
  readonly results: string
}

/**
 * Does `whileHeld` as the only process that works on the batch with this results file, so that two configurations with one
 * results file do not overwrite each other's. `held` names the holder.
 */
export async function holdBatch<T>(
  record: RecordStore,
  config: Pick<BatchConfig, 'results'>,
  whileHeld: (lease: Lease) => Promise<T>,
): Promise<T> {
  const lease = await takeLease(record, `batch:${config.results}`, `the batch with ${config.results}`)
  const renewal = keepRenewing(record, [lease])
  try {
    return await whileHeld(lease)
  } finally {
    await renewal.stop()
    await releaseLease(record, lease)
  }
}

/**
 * Works on a stored batch run until nothing is left that this process can do. Called under the batch's lease; takes the
 * run's. Throws what stopped the run as a whole, with the run marked `failed`. May be called again at any time: it goes on
 * where it was.
 */
export async function driveBatch(options: BatchDriveOptions, batch: Lease): Promise<BatchResult> {
  const { record, run } = options
  const lease = await takeLease(record, runLease(run.id), `run ${run.id}`)
  const leases = [lease, batch]
  const renewal = keepRenewing(record, leases)
  const meter = meterWork(record, run, lease)
  try {
    return await driveHeld(options, leases, lease, renewal.lost)
  } finally {
    await meter.stop()
    await renewal.stop()
    await releaseLease(record, lease)
  }
}

async function driveHeld(
  options: BatchDriveOptions,
  leases: readonly Lease[],
  lease: Lease,
  lost: AbortSignal,
): Promise<BatchResult> {
  const { record, run, env } = options
  const { root, notify } = run.config as BatchConfig
  const notifier = new Notifier({ record, run, root, env, command: notify?.command ?? null })
  try {
    await endHolder({ record, run, lease })
    const services = await openBatch(record, run, env)
    const before = counted(await listTasks(record.read, run.id))
    await services.results.prepare()
    if (before.some((task) => task.status !== 'done')) {
      await checkRoles(run.config as BatchConfig, { 'batch agent': services.role })
    }
    await setStatus(record, run, lease, 'running', null, [{ type: 'run.resumed' }])
    notifier.wake()
    const processed: string[] = []
    for (;;) {
      await work(options, services, notifier, leases, lease, lost, processed)
      const result = await settle(options, services, notifier, lease, before, processed)
      if (result !== null) return result
    }
  } catch (error) {
    if (error instanceof BelayError && error.code === 'lease_lost') throw error
    const reason =
      error instanceof BelayError
        ? { code: error.code, message: error.message }
        : { code: 'internal', message: String(error) }
    const deliveries = notifier.ofRun('run.failed', lease.epoch, { status: 'failed', reason })
    await setStatus(record, run, lease, 'failed', reason, [{ type: 'run.failed', data: { reason } }], deliveries)
    await notifier.drain()
    throw error
  }
}

async function work(
  options: BatchDriveOptions,
  services: BatchServices,
  notifier: Notifier,
  leases: readonly Lease[],
  lease: Lease,
  lost: AbortSignal,
  processed: string[],
): Promise<void> {
  const { record, run, signal } = options
  await runTasks({
    scope: {
      record,
      project: run.project,
      run: run.id,
      lease,
      deliveries: (change: TaskTransition) => notifier.ofTask(change),
    },
    program: batchProgram,
    services,
    until: null,
    keepGoing: true,
    concurrency: (run.config as BatchConfig).concurrency,
    noWait: options.noWait,
    leases,
    lost,
    signal,
    // What has failed waits until everything else was tried.
    rank: (task) => task.attempt,
    claimed: async ({ handle, epoch }) => {
      await endEarlier(run.id, handle, epoch)
    },
    stepped: async (handle, step) => {
      if (step.status === 'done') processed.push(handle)
      else if (step.status !== 'running') notifier.wake()
    },
    taken: async () => {},
  })
}

/** Nothing runs any more: the run gets its status; null when a person has just let a file go on. */
async function settle(
  options: BatchDriveOptions,
  services: BatchServices,
  notifier: Notifier,
  lease: Lease,
  before: readonly TaskRow[],
  processed: readonly string[],
): Promise<BatchResult | null> {
  const { record, run, signal } = options
  const tasks = counted(await listTasks(record.read, run.id))
  const cancelled = (await findRun(record.read, run.id))?.status === 'cancelled'
  const status: RunStatus = cancelled ? 'cancelled' : signal.aborted ? 'interrupted' : runStatus(tasks, null)
  const goesOn = ['blocked', 'cancelled', 'interrupted'].includes(status)
  if (goesOn && !signal.aborted && hasWork(tasks, { until: null, keepGoing: true, now: record.clock.now() }))
    return null
  await removeScratch(record.home, run.id)
  const failed = tasks
    .filter((task) => task.status === 'blocked' || task.status === 'cancelled')
    .map((task) => ({ path: task.handle, reason: task.reason ?? { code: task.status, message: task.status } }))
  const summary = {
    processed: [...processed],
    skipped: before.filter((task) => task.status === 'done').length,
    failed,
    left: tasks.filter((task) => task.status !== 'done').length - failed.length,
    results: services.results.path,
  }
  const data = { status, exit_code: exitOf(status), progress: batchProgress(tasks), ...eventData(summary) }
  const reason = reasonOf(status)
  const deliveries = notifier.ofRun('run.finished', lease.epoch, { status, reason })
  await setStatus(record, run, lease, status, reason, [{ type: 'run.finished', data }], deliveries)
  if (!signal.aborted) await notifier.drain()
  return { status, exitCode: exitOf(status), ...summary }
}

function eventData({
  processed,
  skipped,
  failed,
  left,
  results,
}: Omit<BatchResult, keyof DriveResult>): Record<string, unknown> {
  return { processed, skipped, failed: failed.map(({ path, reason }) => ({ path, ...reason })), left, results }
}

function reasonOf(status: RunStatus): Reason | null {
  return status === 'interrupted'
    ? { code: 'interrupted', message: 'stopped before it was done; go on with: belay resume' }
    : null
}
