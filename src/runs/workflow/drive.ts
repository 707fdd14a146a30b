import { dirname } from 'node:path'
import type { Reason, RunStatus } from '../../core/words.ts'
import type { Repository } from '../../git/repository.ts'
import { endEarlier } from '../../process/index.ts'
import { STEPS_INSIDE, STEP_TIMEOUT, workflowProgram, type Walk } from '../../programs/workflow/index.ts'
import { findRun, listTasks, type TaskRow } from '../../record/index.ts'
import { hasWork } from '../../scheduler/loop.ts'
import { checkDisk } from '../../workspace/disk.ts'
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
} from '../held-run.ts'
import { refuseCleaned } from '../lifecycle/cleaned.ts'
import { progressOf, runStatus } from '../outcome.ts'
import { checkRoles } from '../roles.ts'
import { endHolder, takeOver } from '../takeover.ts'
import { watchLimits } from './deadlines.ts'
import { expand } from './expand.ts'
import { folderOf } from './folder.ts'
import { outputOf } from './output.ts'
import { agentsOf } from './agents.ts'
import type { WorkflowConfig } from './config.ts'
import { endGit, showResult } from './result.ts'
import { openWorkflowRun, type OpenedWorkflow } from './services.ts'

export interface WorkflowDriveOptions extends DriveOptions {
  /** null: the run works in a folder. */
  readonly repository: Repository | null
}

/** What this process did for a workflow. */
export interface WorkflowResult extends DriveResult {
  /** The workflow's output; null unless the run is done. */
  readonly output: unknown
  readonly reason: Reason | null
  readonly finishCommand: string | null
  /** The folder in which the steps worked; null in a repository. */
  readonly folder: string | null
}

/**
 * Works on a stored workflow run until this process can do nothing more. Takes the run's lease (`held` names the holder).
 * Throws what stopped the run as a whole, after marking the run `failed`. May be called again at any time: it continues where
 * the run stands.
 */
export async function driveWorkflow(options: WorkflowDriveOptions): Promise<WorkflowResult> {
  const { run, repository } = options
  refuseCleaned(run)
  const { file, project, publish } = run.config as WorkflowConfig
  const settings = {
    root: repository?.root ?? dirname(file),
    notify: project?.notify.command ?? null,
    publish: publish ?? project?.publish?.nats,
    services: (project ?? (run.config as WorkflowConfig)).providers,
  }
  return driveAlone(options, settings, (drive) => driveHeld(drive, repository))
}

async function driveHeld(drive: Drive, repository: Repository | null): Promise<WorkflowResult> {
  const { record, run, env, signal } = drive.options
  const { lease } = drive
  const opened = await openWorkflowRun(record, run, repository, env, lease)
  await takeOverFrom(drive, opened)
  const config = run.config as WorkflowConfig
  await checkRoles(config, agentsOf(config, env))
  if (opened.git !== null) {
    const { root } = opened.git.repository
    await checkDisk({ root, commit: run.base, folder: opened.git.pool.folder, checkouts: config.concurrency })
  }
  await begin(drive)
  for (;;) {
    await expand(record, run, lease)
    const limits = watchLimits(record, run, () => expand(record, run, lease))
    try {
      await work(drive, opened)
    } finally {
      await limits.stop()
    }
    const walked = await expand(record, run, lease)
    if (walked.create.length + walked.join.length > 0 && !signal.aborted) continue
    const result = await settle(drive, opened, walked)
    if (result !== null) return result
  }
}

/** Ends what an earlier holder left behind, before anything moves. */
async function takeOverFrom({ options, lease }: Drive, { git }: OpenedWorkflow): Promise<void> {
  const { record, run } = options
  if (git === null) {
    await endHolder({ record, run, lease })
    return
  }
  const { repository, pool, moves } = git
  await takeOver({ record, run, repository, lease, workspaces: pool.folder, moves })
}

async function work(drive: Drive, opened: OpenedWorkflow): Promise<void> {
  const { record, run } = drive.options
  const { git } = opened
  await workOnTasks(drive, {
    program: workflowProgram,
    services: opened.services,
    until: null,
    keepGoing: true,
    concurrency: (run.config as WorkflowConfig).concurrency,
    claimed: async (claim) => {
      if (git === null) await endEarlier(run.id, claim.handle, claim.epoch)
      else git.setEpochMark(claim.handle, await fence(claim, git.repository.root, git.moves))
    },
    stepped: async (handle, step) => {
      if (step.status === 'running') return
      if (step.status === 'suspended' || step.status === 'waiting') git?.pool.rest(handle)
      await expand(record, run, drive.lease)
    },
    taken: async (handle) => {
      await git?.keeper.done(handle)
    },
  })
}

/**
 * The steps that determine the run's status. Steps that wait for inner steps are left out, because those count; steps that were
 * given up for a time limit are left out, because the step with the limit counts.
 */
function telling(tasks: readonly TaskRow[]): TaskRow[] {
  const silent: ReadonlySet<string | undefined> = new Set([STEPS_INSIDE, STEP_TIMEOUT])
  return tasks.filter((task) => task.status === 'blocked' || !silent.has(task.reason?.code))
}

/** Called when nothing runs any more: sets the run's status. Returns null if a person has just let a step continue. */
async function settle(drive: Drive, opened: OpenedWorkflow, walked: Walk): Promise<WorkflowResult | null> {
  const { record, run, signal } = drive.options
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
  const finishCommand = opened.git === null ? null : await showResult(record, run, opened.git, walked.tip, drive.lease)
  if (opened.git !== null && (status === 'done' || status === 'cancelled')) {
    await endGit(record, run, opened.git, status)
  }
  const folder = opened.git === null ? folderOf(record.home, run.id, opened.services.definition) : null
  const ending = {
    status,
    reason,
    end: { finish_command: finishCommand },
    data: { progress: progressOf(tasks), output, folder },
  }
  return { ...(await finish(drive, ending)), output, reason, finishCommand, folder }
}

function reasonOf(status: RunStatus, tasks: readonly TaskRow[]): Reason | null {
  if (status !== 'blocked') return interruptedReason(status)
  const failed = tasks.find((task) => task.status === 'blocked')
  return failed?.reason
    ? { code: failed.reason.code, message: `step ${failed.handle}: ${failed.reason.message}` }
    : null
}
