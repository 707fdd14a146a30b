/** A run held by this process, whatever its program: leases, metered time, events, notices and the final status. */
import { gateEnvironment } from '../agents/environment.ts'
import type { Config } from '../config/index.ts'
import { BelayError, knownFailure } from '../core/errors.ts'
import type { Reason, RunStatus } from '../core/words.ts'
import { raiseEpochRef } from '../git/refs.ts'
import type { MoveJournal } from '../git/moves.ts'
import type { Claim } from '../kernel/index.ts'
import { endEarlier } from '../process/index.ts'
import { publishRun, type NatsPublishing, type Publishing } from '../publish/index.ts'
import {
  appendEvents,
  assertEpoch,
  assertLease,
  changeRun,
  dropOutages,
  keepRenewing,
  queueDeliveries,
  releaseLease,
  takeLease,
  type Lease,
  type NewDelivery,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'
import { runTasks, type LoopOptions } from '../scheduler/loop.ts'
import { Notifier } from './deliver.ts'
import { runLease } from './lease-keys.ts'
import { meterWork } from './work-meter.ts'
import { exitOf } from './outcome.ts'

export interface DriveOptions {
  readonly record: RecordStore
  readonly run: RunRow
  readonly env: Readonly<Record<string, string | undefined>>
  /** Return instead of waiting for an agent's quota or a timer. */
  readonly noWait: boolean
  readonly signal: AbortSignal
  /** Tells the user about problems that do not stop the run, such as an event server that cannot be reached. */
  readonly note?: (text: string) => void
}

export interface DriveResult {
  readonly status: RunStatus
  readonly exitCode: number
}

/** The parts of a run's configuration that driving it needs. */
export interface DriveSettings {
  /** Working directory of the user's notify command. */
  readonly root: string
  /** `notify.command`; null: nobody is notified. */
  readonly notify: readonly string[] | null
  readonly publish: NatsPublishing | undefined
  /** The configured model services (`providers`); the notify command does not get their keys. */
  readonly services: Config['providers']
  /** Takes an additional lease after the run's own; both are released together. */
  readonly take?: () => Promise<Lease>
  /** Leases that the caller holds and releases itself. */
  readonly held?: readonly Lease[]
}

/** A run held by this process. */
export interface Drive {
  readonly options: DriveOptions
  /** The run's own lease. */
  readonly lease: Lease
  /** All leases, including the run's own. */
  readonly leases: readonly Lease[]
  /** Aborts when one of `leases` is lost. */
  readonly lost: AbortSignal
  readonly notifier: Notifier
}

/** Failures that cannot be stored: another process has taken over, or the record cannot be written. */
const UNSTORABLE: ReadonlySet<string> = new Set(['lease_lost', 'record_unwritable', 'record_corrupt'])

/**
 * Does `work` as the only process that works on the run (else throws `held`, which names the holder). Meanwhile publishes the
 * run's events and meters its time. An error from `work` marks the run `failed` and is rethrown.
 */
export async function driveAlone<T>(
  options: DriveOptions,
  settings: DriveSettings,
  work: (drive: Drive) => Promise<T>,
): Promise<T> {
  const { record, run, env, note = () => {} } = options
  const taken: Lease[] = []
  let publishing: Publishing | null = null
  let failed = false
  try {
    const lease = await takeLease(record, runLease(run.id), `run ${run.id}`)
    taken.push(lease)
    if (settings.take) taken.push(await settings.take())
    publishing = publishRun(record, run, settings.publish, env, note)
    const leases = [...taken, ...(settings.held ?? [])]
    const renewal = keepRenewing(record, leases)
    const meter = meterWork(record, run, lease)
    const { root, notify: command, services } = settings
    const notifier = new Notifier({ record, run, root, env: gateEnvironment(env, services), command })
    const drive: Drive = { options, lease, leases, lost: renewal.lost, notifier }
    try {
      return await work(drive).catch((error: unknown) => fail(drive, error))
    } finally {
      try {
        await meter.stop() // fails when the record does
      } finally {
        await renewal.stop()
      }
    }
  } catch (error) {
    failed = true
    throw error
  } finally {
    try {
      for (const lease of taken) {
        // The first failure is the one to report. A lease that stays behind does no harm, because its process ends.
        await releaseLease(record, lease).catch((error: unknown) => {
          if (!failed) throw error
        })
      }
    } finally {
      // Last, so that releasing the leases does not wait for a server.
      await publishing?.stop()
    }
  }
}

async function fail({ options, lease, notifier }: Drive, thrown: unknown): Promise<never> {
  const error = knownFailure(thrown)
  if (error instanceof BelayError && UNSTORABLE.has(error.code)) throw error
  const reason =
    error instanceof BelayError
      ? { code: error.code, message: error.message }
      : { code: 'internal', message: String(error) }
  const deliveries = notifier.ofRun('run.failed', lease.epoch, { status: 'failed', reason })
  await setStatus(options, lease, 'failed', reason, [{ type: 'run.failed', data: { reason } }], deliveries)
  await notifier.drain()
  throw error
}

type Given = 'scope' | 'noWait' | 'leases' | 'lost' | 'signal'

/** Works on the run's tasks under its leases until this process can do nothing more (see `runTasks`). */
export async function workOnTasks<S>(drive: Drive, loop: Omit<LoopOptions<S>, Given>): Promise<void> {
  const { options, lease, leases, lost, notifier } = drive
  const { record, run, noWait, signal } = options
  await runTasks({
    ...loop,
    scope: {
      record,
      project: run.project,
      run: run.id,
      lease,
      deliveries: (change) => notifier.ofTask(change),
      queued: () => notifier.wake(),
    },
    noWait,
    leases,
    lost,
    signal,
    stepped: async (handle, step) => {
      await loop.stepped(handle, step)
      if (step.status !== 'running') notifier.wake()
    },
  })
}

/**
 * Called after a task is claimed and before it moves: ends the processes that an earlier holder left and stores the new epoch
 * in the git repository `root`. Returns the mark that the task's ref moves must verify.
 */
export async function fence({ scope, handle, epoch }: Claim, root: string, moves: MoveJournal): Promise<string> {
  await endEarlier(scope.run, handle, epoch)
  const stillOurs = (): Promise<void> => assertEpoch(scope.record.read, scope.run, handle, epoch)
  return raiseEpochRef(root, scope.run, handle, epoch, stillOurs, moves)
}

/** Records that this process is now working on the run. */
export async function begin({ options, lease, notifier }: Drive): Promise<void> {
  await setStatus(options, lease, 'running', null, [{ type: 'run.resumed' }])
  notifier.wake()
}

export interface Ending {
  readonly status: RunStatus
  readonly reason: Reason | null
  /** Additional data for the `run.finished` event. */
  readonly data: Readonly<Record<string, unknown>>
  /** Also part of the notice to people. */
  readonly end?: { readonly landed?: boolean | null; readonly finish_command?: string | null }
}

/** Called when nothing runs any more: stores the run's status and notifies people. */
export async function finish(
  { options, lease, notifier }: Drive,
  { status, reason, data, end = {} }: Ending,
): Promise<DriveResult> {
  const exitCode = exitOf(status)
  const event = { type: 'run.finished', data: { status, exit_code: exitCode, ...end, reason, ...data } }
  const deliveries = notifier.ofRun('run.finished', lease.epoch, { status, reason, ...end })
  await setStatus(options, lease, status, reason, [event], deliveries)
  if (!options.signal.aborted) await notifier.drain()
  return { status, exitCode }
}

/** The reason for a run's status, where no task gives one. */
export function interruptedReason(status: RunStatus): Reason | null {
  return status === 'interrupted'
    ? { code: 'interrupted', message: 'stopped before it was done; go on with: belay resume' }
    : null
}

/** Stores a run's status and its events under its lease. */
async function setStatus(
  { record, run }: Pick<DriveOptions, 'record' | 'run'>,
  lease: Lease,
  status: RunStatus,
  reason: Reason | null,
  events: readonly { type: string; data?: Record<string, unknown> }[],
  deliveries: readonly NewDelivery[] = [],
): Promise<void> {
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    const now = record.now()
    await changeRun(tx, run.id, now, { status, reason })
    await queueDeliveries(tx, run.id, now, deliveries)
    // The user who resumes the run may have installed the agent or logged in, so outages end here.
    const back = status === 'running' ? await dropOutages(tx, run.id) : []
    const available = back.map((data) => ({ type: 'agent.available', data: { ...data, because: 'resumed' } }))
    await appendEvents(
      tx,
      now,
      [...events, ...available].map((event) => ({ ...event, project: run.project, run: run.id })),
    )
  })
}
