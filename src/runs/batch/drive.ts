import type { Reason, RunStatus } from '../../core/words.ts'
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
  type TaskRow,
} from '../../record/index.ts'
import { hasWork } from '../../scheduler/loop.ts'
import { removeScratch } from '../../workspace/pool.ts'
import {
  begin,
  driveAlone,
  finish,
  interruptedReason,
  workOnTasks,
  type Drive,
  type DriveOptions,
  type DriveResult,
} from '../held-run.ts'
import { runStatus } from '../outcome.ts'
import { checkRoles } from '../roles.ts'
import { endHolder } from '../takeover.ts'
import { batchProgress, counted } from './begin.ts'
import type { BatchConfig } from './config.ts'
import { openBatch } from './services.ts'

/** What this process did for a batch, and the state of the rest. */
export interface BatchResult extends DriveResult {
  /** Files whose results were written by this process. */
  readonly processed: readonly string[]
  /** Number of files that had a result already. */
  readonly skipped: number
  readonly failed: readonly { readonly path: string; readonly reason: Reason }[]
  /** Number of files that are still to be done. */
  readonly left: number
  /** Absolute path of the results file. */
  readonly results: string
}

/**
 * Does `whileHeld` as the only process that works on the batch with this results file, because two configurations may share
 * one. Throws `held`, which names the holder, if another process does.
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
 * Works on a stored batch run until this process can do nothing more. Must be called under the batch's lease; takes the run's
 * lease itself. Throws what stopped the run as a whole, after marking the run `failed`. May be called again at any time: it
 * continues where the run stands.
 */
export async function driveBatch(options: DriveOptions, batch: Lease): Promise<BatchResult> {
  const { root, notify, publish, providers } = options.run.config as BatchConfig
  const settings = { root, notify: notify?.command ?? null, publish, services: providers, held: [batch] }
  return driveAlone(options, settings, driveHeld)
}

async function driveHeld(drive: Drive): Promise<BatchResult> {
  const { record, run, env } = drive.options
  await endHolder({ record, run, lease: drive.lease })
  const services = await openBatch(record, run, env)
  const before = counted(await listTasks(record.read, run.id))
  await services.results.prepare()
  if (before.some((task) => task.status !== 'done')) {
    await checkRoles(run.config as BatchConfig, { 'batch agent': services.role })
  }
  await begin(drive)
  const processed: string[] = []
  for (;;) {
    await work(drive, services, processed)
    const result = await settle(drive, services, before, processed)
    if (result !== null) return result
  }
}

async function work(drive: Drive, services: BatchServices, processed: string[]): Promise<void> {
  const { run } = drive.options
  await workOnTasks(drive, {
    program: batchProgram,
    services,
    until: null,
    keepGoing: true,
    concurrency: (run.config as BatchConfig).concurrency,
    // Files that have failed wait until all others were tried.
    rank: (task) => task.attempt,
    claimed: async ({ handle, epoch }) => {
      await endEarlier(run.id, handle, epoch)
    },
    stepped: async (handle, step) => {
      if (step.status === 'done') processed.push(handle)
    },
    taken: async () => {},
  })
}

/** Called when nothing runs any more: sets the run's status. Returns null if a person has just let a file continue. */
async function settle(
  drive: Drive,
  services: BatchServices,
  before: readonly TaskRow[],
  processed: readonly string[],
): Promise<BatchResult | null> {
  const { record, run, signal } = drive.options
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
  const data = { progress: batchProgress(tasks), ...eventData(summary) }
  return { ...(await finish(drive, { status, reason: interruptedReason(status), data })), ...summary }
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
