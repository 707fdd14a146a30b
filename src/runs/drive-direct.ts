import type { Reason, RunStatus } from '../core/words.ts'
import type { Config } from '../config/index.ts'
import { dropPrivateRefs } from '../git/refs.ts'
import type { Repository } from '../git/repository.ts'
import type { Step } from '../kernel/index.ts'
import { directProgram } from '../programs/direct/program.ts'
import { findRun, listTasks, releaseLease, takeLease, type Lease } from '../record/index.ts'
import { hasWork } from '../scheduler/loop.ts'
import { checkDisk } from '../workspace/disk.ts'
import { removeScratch } from '../workspace/pool.ts'
import {
  begin,
  driveAlone,
  fence,
  finish,
  interruptedReason,
  workOnTasks,
  type Drive,
  type DriveOptions,
  type DriveResult,
} from './held-run.ts'
import { targetLease } from './lease-keys.ts'
import { checkRoles } from './roles.ts'
import { checkSandboxes } from './sandboxes.ts'
import { Follower, followResult } from './follow.ts'
import { endJournal } from './guard.ts'
import { refuseCleaned } from './lifecycle/cleaned.ts'
import { progressOf, runStatus } from './outcome.ts'
import { redGates, type RedGate } from './red-expected.ts'
import { openRun, type OpenedRun } from './services.ts'
import { takeOver } from './takeover.ts'

export interface DirectDriveOptions extends DriveOptions {
  readonly repository: Repository
  readonly concurrency: number
  /** The lease on the run's target, if the caller already holds it; it is released at the end in any case. */
  readonly target?: Lease | null
}

/**
 * Works on a stored run until this process can do nothing more, and returns how the run stands. Takes the leases of the run and
 * of its target (`held` names the holder). Throws what stopped the run as a whole, after marking the run `failed`. May be
 * called again for the same run at any time: it continues where the run stands.
 */
export async function driveDirect(options: DirectDriveOptions): Promise<DriveResult> {
  const { record, run, repository } = options
  refuseCleaned(run)
  const branch = run.target ?? run.resultBranch
  const config = run.config as Config
  let target = options.target ?? null
  try {
    return await driveAlone(
      options,
      {
        root: repository.root,
        notify: config.notify.command,
        publish: config.publish?.nats,
        services: config.providers,
        take: async () => {
          const lease = target ?? (await takeLease(record, targetLease(run.project, branch), `branch ${branch}`))
          target = null
          return lease
        },
      },
      (drive) => driveHeld(options, drive),
    )
  } finally {
    // Still held, so the run itself could not be taken: that error is the one to report.
    if (target !== null) await releaseLease(record, target).catch(() => {})
  }
}

async function driveHeld(options: DirectDriveOptions, drive: Drive): Promise<DriveResult> {
  const { record, run } = options
  const { lease } = drive
  const opened = await openRun(record, run, options.repository, options.env, lease)
  const { pool, services } = opened
  await takeOver({
    record,
    run,
    repository: options.repository,
    lease,
    workspaces: pool.folder,
    moves: services.moves,
  })
  await checkRoles(opened.config, opened.services.roles)
  await checkSandboxes(opened.config, opened.services.root)
  await checkDisk({
    root: opened.services.root,
    commit: run.base,
    folder: opened.pool.folder,
    // A workspace and a review checkout for each running task, and the proof workspaces.
    checkouts: 3 * options.concurrency,
  })
  await begin(drive)
  await opened.services.landing.begin()
  warm(opened)
  const follower = new Follower({ ...opened.services, repository: options.repository, lease })
  for (;;) {
    try {
      await work(options, opened, drive, follower)
    } finally {
      await follower.idle()
    }
    follower.check()
    const result = await settle(options, opened, drive)
    if (result !== null) return result
  }
}

/** Starts the first agent while the first workspace is being made. */
function warm({ services }: OpenedRun): void {
  const { agent, env, command } = services.roles.implementer
  agent.warm?.({ env, command, cwd: services.root, run: services.run.id })
}

async function work(options: DirectDriveOptions, opened: OpenedRun, drive: Drive, follower: Follower): Promise<void> {
  const { services } = opened
  await workOnTasks(drive, {
    program: directProgram,
    services,
    until: opened.options.until,
    keepGoing: opened.options.keepGoing,
    concurrency: options.concurrency,
    claimed: async (claim) => {
      opened.setEpochMark(claim.handle, await fence(claim, services.root, services.moves))
    },
    stepped: async (handle, step) => {
      await endTask(opened, handle, step)
      if (step.outcome === 'landed') follower.wake()
    },
    taken: (handle) => services.workspaces.done(handle),
  })
}

async function endTask(opened: OpenedRun, handle: string, step: Step): Promise<void> {
  if (step.status === 'blocked' || step.status === 'replan' || step.status === 'cancelled') {
    await opened.services.workspaces.done(handle)
  }
  if (step.status === 'waiting' || step.status === 'suspended') opened.pool.rest(handle)
}

/**
 * Called when nothing runs any more: lets the target follow, removes what is no longer needed, and sets the run's status.
 * Returns null if a person has just answered, so that there is work again.
 */
async function settle(options: DirectDriveOptions, opened: OpenedRun, drive: Drive): Promise<DriveResult | null> {
  const { record, run, signal } = options
  const before = await listTasks(record.read, run.id)
  const status: RunStatus = signal.aborted ? 'interrupted' : runStatus(before, opened.options.until)
  if (before.some((task) => task.status === 'done' && task.commit !== null)) {
    const { landing, moves } = opened.services
    const to = await landing.tip()
    await followResult({ record, run, repository: options.repository, lease: drive.lease, moves, to })
  }
  const tasks = await listTasks(record.read, run.id)
  const row = await findRun(record.read, run.id)
  // The user gave the run up while it was being worked on.
  const came = row?.status === 'cancelled' ? 'cancelled' : signal.aborted ? 'interrupted' : status
  const red = came === 'done' ? await redGates(record, run.id) : []
  const final = red.length > 0 ? 'blocked' : came
  const { until, keepGoing } = opened.options
  const goesOn = ENDED.has(final) || final === 'waiting' || final === 'interrupted'
  if (goesOn && !signal.aborted && hasWork(tasks, { until, keepGoing, now: record.clock.now() })) return null
  if (final === 'done') await tidy(options, opened)
  // A run that ended otherwise keeps only the workspaces of tasks that can continue.
  else if (ENDED.has(final)) await opened.pool.clear()
  const reason =
    red.length > 0 ? redReason(red) : final === 'cancelled' ? (row?.reason ?? null) : interruptedReason(final)
  const end = { landed: row?.landed ?? null, finish_command: row?.finishCommand ?? null }
  return finish(drive, { status: final, reason, end, data: { progress: progressOf(tasks) } })
}

const ENDED: ReadonlySet<RunStatus> = new Set(['blocked', 'replan', 'cancelled'])

function redReason(red: readonly RedGate[]): Reason {
  const gates = red.map(({ gate, tests }) => `${gate} (${tests.join('; ')})`).join(', ')
  return {
    code: 'red_expected',
    message: `every task has landed, but tests that were written first still fail: ${gates}`,
  }
}

/** Removes what a run that is done no longer needs: workspaces, temporary files and fences. */
async function tidy({ run, repository }: DirectDriveOptions, opened: OpenedRun): Promise<void> {
  const { services, pool } = opened
  await pool.clear(true)
  await removeScratch(services.record.home, run.id)
  await dropPrivateRefs(services.root, run.id, services.moves)
  await endJournal({ repository, record: services.record, moves: services.moves })
}
