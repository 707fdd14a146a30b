import { dirname } from 'node:path'
import { BelayError, knownFailure } from '../../core/errors.ts'
import type { Reason, RunStatus } from '../../core/words.ts'
import { raiseEpochRef } from '../../git/refs.ts'
import type { Repository } from '../../git/repository.ts'
import type { Claim } from '../../kernel/index.ts'
import { endEarlier } from '../../process/index.ts'
import { STEPS_INSIDE, workflowProgram, type Walk } from '../../programs/workflow/index.ts'
import {
  assertEpoch,
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
import { checkDisk } from '../../workspace/disk.ts'
import { Notifier } from '../deliver.ts'
import { setStatus, type DriveResult } from '../drive.ts'
import { settleGuard } from '../guard.ts'
import { runLease } from '../lease-keys.ts'
import { refuseCleaned } from '../lifecycle-cleaned.ts'
import { meterWork } from '../lifecycle-worked.ts'
import { exitOf, progressOf, runStatus } from '../outcome.ts'
import { checkRoles } from '../roles.ts'
import { endHolder, takeOver } from '../takeover.ts'
import { expand } from './expand.ts'
import { outputOf } from './output.ts'
import { agentsOf } from './agents.ts'
import type { WorkflowConfig } from './config.ts'
import { endGit, showResult } from './result.ts'
import { openWorkflowRun, type OpenedWorkflow } from './services.ts'

export interface WorkflowDriveOptions {
  readonly record: RecordStore
  readonly run: RunRow
  /** null when the run works in a folder. */
  readonly repository: Repository | null
  readonly env: Readonly<Record<string, string | undefined>>
  readonly noWait: boolean
  readonly signal: AbortSignal
}

/** What this process did of a workflow. */
export interface WorkflowResult extends DriveResult {
  /** Of a run that is done. */
  readonly output: unknown
  readonly reason: Reason | null
  readonly finishCommand: string | null
}

/**
 * Works on a stored workflow run until nothing is left that this process can do. Takes the run's lease (`held` names the
 * holder). Throws what stopped the run as a whole, with the run marked `failed`. May be called again at any time: it goes on
 * where it was.
 */
export async function driveWorkflow(options: WorkflowDriveOptions): Promise<WorkflowResult> {
  const { record, run } = options
  refuseCleaned(run)
  const lease = await takeLease(record, runLease(run.id), `run ${run.id}`)
  const renewal = keepRenewing(record, [lease])
  const meter = meterWork(record, run, lease)
  try {
    return await driveHeld(options, lease, renewal.lost)
  } finally {
    await meter.stop()
    await renewal.stop()
    await releaseLease(record, lease)
  }
}

/** Failures that the record cannot be told of: it is another's now, or cannot be written. */
const UNSTORABLE: ReadonlySet<string> = new Set(['lease_lost', 'record_unwritable', 'record_corrupt'])

async function driveHeld(options: WorkflowDriveOptions, lease: Lease, lost: AbortSignal): Promise<WorkflowResult> {
  const { record, run, repository, env } = options
  const notifier = notifierOf(options)
  try {
    const opened = await openWorkflowRun(record, run, repository, env, lease)
    await takeOverFrom(options, opened, lease)
    const config = run.config as WorkflowConfig
    await checkRoles(config, agentsOf(config, env))
    if (opened.git !== null) {
      const { root } = opened.git.repository
      await checkDisk({ root, commit: run.base, folder: opened.git.pool.folder, checkouts: config.concurrency })
    }
    await setStatus(record, run, lease, 'running', null, [{ type: 'run.resumed' }])
    notifier.wake()
    for (;;) {
      await expand(record, run, lease)
      await work(options, opened, notifier, lease, lost)
      const walked = await expand(record, run, lease)
      if (walked.create.length + walked.join.length > 0 && !options.signal.aborted) continue
      const result = await settle(options, opened, notifier, walked, lease)
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
  }
}

/** Tells what `notify.command` of the repository's configuration is to be told. */
function notifierOf({ record, run, repository, env }: WorkflowDriveOptions): Notifier {
  const { file, project } = run.config as WorkflowConfig
  const root = repository?.root ?? dirname(file)
  return new Notifier({ record, run, root, env, command: project?.notify.command ?? null })
}

/** What an earlier holder left behind ends before anything moves. */
async function takeOverFrom(
  { record, run }: WorkflowDriveOptions,
  { git }: OpenedWorkflow,
  lease: Lease,
): Promise<void> {
  if (git === null) {
    await endHolder({ record, run, lease })
    return
  }
  const { repository, pool, moves } = git
  const settleDead = async (): Promise<void> => {
    await settleGuard({ repository, record, moves }, run.id)
  }
  await takeOver({ record, run, repository, lease, workspaces: pool.folder, moves, settle: settleDead })
}

async function work(
  options: WorkflowDriveOptions,
  opened: OpenedWorkflow,
  notifier: Notifier,
  lease: Lease,
  lost: AbortSignal,
): Promise<void> {
  const { record, run, signal } = options
  await runTasks({
    scope: {
      record,
      project: run.project,
      run: run.id,
      lease,
      deliveries: (change) => notifier.ofTask(change),
      queued: () => notifier.wake(),
    },
    program: workflowProgram,
    services: opened.services,
    until: null,
    keepGoing: true,
    concurrency: (run.config as WorkflowConfig).concurrency,
    noWait: options.noWait,
    leases: [lease],
    lost,
    signal,
    claimed: (claim) => fence(opened, claim),
    stepped: async (handle, step) => {
      if (step.status === 'running') return
      if (step.status === 'suspended' || step.status === 'waiting') opened.git?.pool.rest(handle)
      await expand(record, run, lease)
      notifier.wake()
    },
    taken: async (handle) => {
      await opened.git?.keeper.done(handle)
    },
  })
}

/** Before a claimed step moves: what an earlier holder left running is ended, and git knows the new epoch. */
async function fence({ git }: OpenedWorkflow, { scope, handle, epoch }: Claim): Promise<void> {
  await endEarlier(scope.run, handle, epoch)
  if (git === null) return
  const stillOurs = (): Promise<void> => assertEpoch(scope.record.read, scope.run, handle, epoch)
  git.setEpochMark(handle, await raiseEpochRef(git.repository.root, scope.run, handle, epoch, stillOurs, git.moves))
}

/** Steps that say how the run stands: those that wait for steps inside of them stand as these do. */
function telling(tasks: readonly TaskRow[]): TaskRow[] {
  return tasks.filter((task) => task.reason?.code !== STEPS_INSIDE)
}

/** Nothing runs any more: the run gets its status; null when a person has just let a step go on. */
async function settle(
  options: WorkflowDriveOptions,
  opened: OpenedWorkflow,
  notifier: Notifier,
  walked: Walk,
  lease: Lease,
): Promise<WorkflowResult | null> {
  const { record, run, signal } = options
  const tasks = telling(await listTasks(record.read, run.id))
  const row = await findRun(record.read, run.id)
  const cancelled = row?.status === 'cancelled'
  const isOver = walked.end.kind === 'done'
  const came = cancelled ? 'cancelled' : isOver ? 'done' : signal.aborted ? 'interrupted' : runStatus(tasks, null)
  if (came !== 'done' && !cancelled && !signal.aborted) {
    if (hasWork(tasks, { until: null, keepGoing: true, now: record.clock.now() })) return null
  }
  const made = walked.end.kind === 'done' ? await outputOf(opened.services, walked.end.output) : { output: null }
  const status: RunStatus = 'problem' in made ? 'blocked' : came
  const reason = 'problem' in made ? made.problem : cancelled ? (row.reason ?? null) : reasonOf(status, tasks)
  const output = 'problem' in made ? null : made.output
  const finishCommand = opened.git === null ? null : await showResult(record, run, opened.git, walked.tip, lease)
  if (opened.git !== null && (status === 'done' || status === 'cancelled')) await endGit(record, run, opened.git)
  const data = {
    status,
    exit_code: exitOf(status),
    reason,
    progress: progressOf(tasks),
    output,
    finish_command: finishCommand,
  }
  const deliveries = notifier.ofRun('run.finished', lease.epoch, { status, reason, finish_command: finishCommand })
  await setStatus(record, run, lease, status, reason, [{ type: 'run.finished', data }], deliveries)
  if (!signal.aborted) await notifier.drain()
  return { status, exitCode: exitOf(status), output, reason, finishCommand }
}

function reasonOf(status: RunStatus, tasks: readonly TaskRow[]): Reason | null {
  if (status === 'interrupted') {
    return { code: 'interrupted', message: 'stopped before it was done; go on with: belay resume' }
  }
  if (status !== 'blocked') return null
  const failed = tasks.find((task) => task.status === 'blocked')
  return failed?.reason
    ? { code: failed.reason.code, message: `step ${failed.handle}: ${failed.reason.message}` }
    : null
}
