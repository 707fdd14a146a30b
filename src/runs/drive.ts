import { BelayError, knownFailure } from '../core/errors.ts'
import type { Reason, RunStatus } from '../core/words.ts'
import type { Config } from '../config/index.ts'
import { privateRefs, raiseEpochRef, updateRefs } from '../git/refs.ts'
import type { MoveJournal } from '../git/moves.ts'
import type { Repository } from '../git/repository.ts'
import { git } from '../git/run.ts'
import type { Claim, Step, TaskTransition } from '../kernel/index.ts'
import { publishRun, type Publishing } from '../publish/index.ts'
import { endEarlier } from '../process/index.ts'
import { directProgram } from '../programs/direct/program.ts'
import {
  appendEvents,
  assertEpoch,
  assertLease,
  changeRun,
  dropOutages,
  findRun,
  keepRenewing,
  listTasks,
  queueDeliveries,
  releaseLease,
  takeLease,
  type Lease,
  type NewDelivery,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'
import { hasWork, runTasks } from '../scheduler/loop.ts'
import { checkDisk } from '../workspace/disk.ts'
import { removeScratch } from '../workspace/pool.ts'
import { runLease, targetLease } from './lease-keys.ts'
import { checkRoles } from './roles.ts'
import { checkSandboxes } from './sandboxes.ts'
import { Follower, followResult } from './follow.ts'
import { endJournal, settleGuard } from './guard.ts'
import { Notifier } from './deliver.ts'
import { refuseCleaned } from './lifecycle-cleaned.ts'
import { meterWork } from './lifecycle-worked.ts'
import { exitOf, progressOf, runStatus } from './outcome.ts'
import { redGates, type RedGate } from './red-expected.ts'
import { openRun, type OpenedRun } from './services.ts'
import { takeOver } from './takeover.ts'

export interface DriveOptions {
  readonly record: RecordStore
  readonly run: RunRow
  readonly repository: Repository
  readonly env: Readonly<Record<string, string | undefined>>
  readonly noWait: boolean
  readonly concurrency: number
  readonly signal: AbortSignal
  /** The lease on the run's target, when it is held already; it is given back at the end all the same. */
  readonly target?: Lease | null
  /** Tells the user what does not stop the run, such as a server that gets no events. */
  readonly note?: (text: string) => void
}

export interface DriveResult {
  readonly status: RunStatus
  readonly exitCode: number
}

/**
 * Works on a stored run until nothing is left that this process can do, and says what it came to. Takes the leases of the
 * run and of its target (`held` names the holder). Throws what stopped the run as a whole, with the run marked `failed`.
 * May be called again for the same run at any time: it goes on where it was.
 */
export async function driveRun(options: DriveOptions): Promise<DriveResult> {
  const { record, run } = options
  refuseCleaned(run)
  const branch = run.target ?? run.resultBranch
  const taken: Lease[] = options.target ? [options.target] : []
  const { note = () => {} } = options
  let publishing: Publishing | null = null
  let failed = false
  try {
    const lease = await takeLease(record, runLease(run.id), `run ${run.id}`)
    taken.push(lease)
    const target = options.target ?? (await takeLease(record, targetLease(run.project, branch), `branch ${branch}`))
    if (!options.target) taken.push(target)
    publishing = publishRun(record, run, (run.config as Config).publish?.nats, options.env, note)
    const renewal = keepRenewing(record, [lease, target])
    try {
      return await driveHeld(options, [lease, target], renewal.lost)
    } finally {
      await renewal.stop()
    }
  } catch (error) {
    failed = true
    throw error
  } finally {
    for (const lease of taken) {
      // What failed first is what the user has to know; a lease of a process that ended is no hindrance.
      await releaseLease(record, lease).catch((error: unknown) => {
        if (!failed) throw error
      })
    }
    // Last: what others may do now does not wait for a server.
    await publishing?.stop()
  }
}

/** Failures that the record cannot be told of: it is another's now, or cannot be written. */
const UNSTORABLE: ReadonlySet<string> = new Set(['lease_lost', 'record_unwritable', 'record_corrupt'])

async function driveHeld(options: DriveOptions, leases: readonly Lease[], lost: AbortSignal): Promise<DriveResult> {
  const { record, run } = options
  const [lease] = leases
  if (!lease) throw new Error('a run is driven under its lease')
  const { command } = (run.config as Config).notify
  const notifier = new Notifier({ record, run, root: options.repository.root, env: options.env, command })
  const meter = meterWork(record, run, lease)
  try {
    const opened = await openRun(record, run, options.repository, options.env, lease)
    const { pool, services } = opened
    await takeOver({
      record,
      run,
      repository: options.repository,
      lease,
      workspaces: pool.folder,
      moves: services.moves,
      settle: () => settleDead(options, opened, lease),
    })
    await checkRoles(opened.config, opened.services.roles)
    await checkSandboxes(opened.config, opened.services.root)
    await checkDisk({
      root: opened.services.root,
      commit: run.base,
      folder: opened.pool.folder,
      // A workspace and a review for each task at work, and the proof workspaces.
      checkouts: 3 * options.concurrency,
    })
    await setStatus(record, run, lease, 'running', null, [{ type: 'run.resumed' }])
    await opened.services.landing.begin()
    notifier.wake()
    warm(opened)
    const follower = new Follower({ ...opened.services, repository: options.repository, lease })
    for (;;) {
      try {
        await work(options, opened, { notifier, follower }, leases, lost)
      } finally {
        await follower.idle()
      }
      follower.check()
      const result = await settle(options, opened, notifier, lease)
      if (result !== null) return result
    }
  } catch (thrown) {
    const error = knownFailure(thrown)
    if (error instanceof BelayError && UNSTORABLE.has(error.code)) throw error
    const reason =
      error instanceof BelayError
        ? { code: error.code, message: error.message }
        : { code: 'internal', message: String(error) }
    const deliveries = notifier.ofRun('run.failed', lease.epoch, { status: 'failed', reason })
    await setStatus(record, run, lease, 'failed', reason, [{ type: 'run.failed', data: { reason } }], deliveries)
    await notifier.drain()
    throw error
  } finally {
    await meter.stop()
  }
}

/** The first agent is started while the first workspace is made. */
function warm({ services }: OpenedRun): void {
  const { agent, env, command } = services.roles.implementer
  agent.warm?.({ env, command, cwd: services.root, run: services.run.id })
}

/** What agents of a Belay that died did to the repository is undone before git runs anywhere in it. */
async function settleDead(options: DriveOptions, opened: OpenedRun, lease: Lease): Promise<void> {
  const { record, run, repository } = options
  const found = await settleGuard({ repository, record, moves: opened.services.moves }, run.id)
  if (found.length === 0) return
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    await appendEvents(tx, record.now(), [{ type: 'run.settled', project: run.project, run: run.id, data: { found } }])
  })
}

async function work(
  options: DriveOptions,
  opened: OpenedRun,
  { notifier, follower }: { readonly notifier: Notifier; readonly follower: Follower },
  leases: readonly Lease[],
  lost: AbortSignal,
): Promise<void> {
  const { record, run, signal } = options
  const [lease] = leases
  if (!lease) throw new Error('a run is driven under its lease')
  const deliveries = (change: TaskTransition): readonly NewDelivery[] => notifier.ofTask(change)
  const queued = (): void => notifier.wake()
  const scope = { record, project: run.project, run: run.id, lease, deliveries, queued }
  const { services } = opened
  await runTasks({
    scope,
    program: directProgram,
    services,
    until: opened.options.until,
    keepGoing: opened.options.keepGoing,
    concurrency: options.concurrency,
    noWait: options.noWait,
    leases,
    lost,
    signal,
    claimed: (claim) => fence(opened, claim),
    stepped: async (handle, step) => {
      await endTask(opened, handle, step)
      if (step.outcome === 'landed') follower.wake()
      if (step.status !== 'running') notifier.wake()
    },
    taken: (handle) => services.workspaces.done(handle),
  })
}

/** Before a claimed task moves: what an earlier holder left running is ended, and git knows the new epoch. */
async function fence(opened: OpenedRun, claim: Claim): Promise<void> {
  const { services } = opened
  const { scope, handle, epoch } = claim
  await endEarlier(scope.run, handle, epoch)
  const stillOurs = (): Promise<void> => assertEpoch(scope.record.read, scope.run, handle, epoch)
  const mark = await raiseEpochRef(services.root, scope.run, handle, epoch, stillOurs, services.moves)
  opened.setEpochMark(handle, mark)
}

async function endTask(opened: OpenedRun, handle: string, step: Step): Promise<void> {
  if (step.status === 'blocked' || step.status === 'replan' || step.status === 'cancelled') {
    await opened.services.workspaces.done(handle)
  }
  if (step.status === 'waiting' || step.status === 'suspended') opened.pool.rest(handle)
}

/**
 * Nothing runs any more: the target follows, what is not needed goes, and the run gets its status; null when a person
 * has just answered, so that there is work again.
 */
async function settle(
  options: DriveOptions,
  opened: OpenedRun,
  notifier: Notifier,
  lease: Lease,
): Promise<DriveResult | null> {
  const { record, run, signal } = options
  const before = await listTasks(record.read, run.id)
  const status: RunStatus = signal.aborted ? 'interrupted' : runStatus(before, opened.options.until)
  if (before.some((task) => task.status === 'done' && task.commit !== null)) {
    const { landing, moves } = opened.services
    await followResult({ record, run, repository: options.repository, lease, moves, to: await landing.tip() })
  }
  const tasks = await listTasks(record.read, run.id)
  const row = await findRun(record.read, run.id)
  // Given up by its user while it was worked on.
  const came = row?.status === 'cancelled' ? 'cancelled' : signal.aborted ? 'interrupted' : status
  const red = came === 'done' ? await redGates(record, run.id) : []
  const final = red.length > 0 ? 'blocked' : came
  const { until, keepGoing } = opened.options
  const goesOn = ENDED.has(final) || final === 'waiting' || final === 'interrupted'
  if (goesOn && !signal.aborted && hasWork(tasks, { until, keepGoing, now: record.clock.now() })) return null
  if (final === 'done') await tidy(options, opened)
  // What ended otherwise keeps only the workspaces of tasks that go on.
  else if (ENDED.has(final)) await opened.pool.clear()
  const reason = red.length > 0 ? redReason(red) : final === 'cancelled' ? (row?.reason ?? null) : reasonOf(final)
  const end = { landed: row?.landed ?? null, finish_command: row?.finishCommand ?? null }
  await setStatus(
    record,
    run,
    lease,
    final,
    reason,
    [
      {
        type: 'run.finished',
        data: { status: final, exit_code: exitOf(final), ...end, reason, progress: progressOf(tasks) },
      },
    ],
    notifier.ofRun('run.finished', lease.epoch, { status: final, reason, ...end }),
  )
  if (!signal.aborted) await notifier.drain()
  return { status: final, exitCode: exitOf(final) }
}

const ENDED: ReadonlySet<RunStatus> = new Set(['blocked', 'replan', 'cancelled'])

function reasonOf(status: RunStatus): Reason | null {
  return status === 'interrupted'
    ? { code: 'interrupted', message: 'stopped before it was done; go on with: belay resume' }
    : null
}

function redReason(red: readonly RedGate[]): Reason {
  const gates = red.map(({ gate, tests }) => `${gate} (${tests.join('; ')})`).join(', ')
  return {
    code: 'red_expected',
    message: `every task has landed, but tests that were written first still fail: ${gates}`,
  }
}

/** A run that is done needs no workspaces, temporary files and fences any more. */
async function tidy({ run, repository }: DriveOptions, opened: OpenedRun): Promise<void> {
  const { services, pool } = opened
  await pool.clear(true)
  await removeScratch(services.record.home, run.id)
  await dropPrivateRefs(services.root, run.id, services.moves)
  await endJournal({ repository, record: services.record, moves: services.moves })
}

/** Removes Belay's own refs of a run (epochs, snapshots, candidates); branches stay. */
export async function dropPrivateRefs(root: string, run: string, moves: MoveJournal): Promise<void> {
  const list = await git(['for-each-ref', '--format=%(refname)', ...privateRefs(run)], { cwd: root })
  const refs = list.split('\n').filter((ref) => ref !== '')
  if (refs.length > 0)
    await updateRefs(
      root,
      refs.map((ref) => ({ verb: 'delete', ref })),
      moves,
    )
}

/** Stores what a run has come to, with the events that tell of it, under its lease. */
export async function setStatus(
  record: RecordStore,
  run: RunRow,
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
    // What was not there or not logged in may have been mended by who resumes the run.
    const back = status === 'running' ? await dropOutages(tx, run.id) : []
    const available = back.map((data) => ({ type: 'agent.available', data: { ...data, because: 'resumed' } }))
    await appendEvents(
      tx,
      now,
      [...events, ...available].map((event) => ({ ...event, project: run.project, run: run.id })),
    )
  })
}
