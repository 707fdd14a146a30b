import { iso } from '../core/clock.ts'
import { resultBranch } from '../git/refs.ts'
import {
  createRun,
  findRun,
  putIntent,
  releaseLease,
  takeLease,
  upsertProject,
  type Lease,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'
import { directProgram } from '../programs/direct/program.ts'
import { targetLease } from './lease-keys.ts'
import { newTargetIntent } from './follow.ts'
import type { RunPlan } from './plan.ts'
import type { RunOptions } from './services.ts'

export interface StartedRun {
  readonly run: RunRow
  /** The lease on the run's target, for `driveDirect`; null: HEAD is detached. */
  readonly target: Lease | null
}

/**
 * Takes the lease on the run's target and stores the planned run with its tasks; no work begins yet. Throws `held`, without
 * storing anything, if another run works on the target.
 */
export async function startRun(record: RecordStore, plan: RunPlan, options: RunOptions): Promise<StartedRun> {
  const key = plan.target === null ? null : targetLease(plan.repository.id, plan.target)
  const target = key === null ? null : await takeLease(record, key, `branch ${plan.target}`)
  try {
    return { run: await storeRun(record, plan, options), target }
  } catch (error) {
    if (target) await releaseLease(record, target)
    throw error
  }
}

async function storeRun(record: RecordStore, plan: RunPlan, options: RunOptions): Promise<RunRow> {
  const { id, repository, source } = plan
  await upsertProject(record, repository.id, repository.root)
  // Stored before the run: a crash in between must not leave a run that waits for a branch which nobody will create.
  if (plan.newTarget) await putIntent(record, newTargetIntent(id), id, plan.target, null)
  const open = source.tasks.filter((task) => !task.done).length
  await createRun(
    record,
    {
      id,
      project: repository.id,
      program: directProgram.name,
      source: plan.runSource,
      target: plan.target,
      base: plan.base,
      resultBranch: resultBranch(id),
      options: { ...options },
      config: plan.config,
    },
    source.tasks.map((task) => ({
      handle: task.handle,
      title: task.title,
      definition: { dependsOn: task.dependsOn, criteria: task.criteria, subject: task.subject },
      status: task.done ? 'done' : 'queued',
    })),
    [
      {
        type: 'run.started',
        project: repository.id,
        run: id,
        data: {
          program: directProgram.name,
          source: plan.runSource.kind,
          feature: plan.runSource.feature,
          target: plan.target,
          base: plan.base,
          result_branch: resultBranch(id),
          started_at: iso(record.clock.now()),
          progress: { blocked: 0, completed: source.tasks.length - open, suspended: 0, total: source.tasks.length },
        },
      },
    ],
  )
  const run = await findRun(record.read, id)
  if (!run) throw new Error(`run ${id} was not stored`)
  return run
}
