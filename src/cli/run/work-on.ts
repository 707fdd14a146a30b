import type { Config } from '../../config/index.ts'
import type { Repository } from '../../git/repository.ts'
import { holderOf, type Lease, type RecordStore, type RunRow } from '../../record/index.ts'
import { driveDirect } from '../../runs/drive-direct.ts'
import { runLease } from '../../runs/lease-keys.ts'
import { batchProgram } from '../../programs/batch/index.ts'
import { workflowProgram } from '../../programs/workflow/index.ts'
import { workOnBatch } from '../batch/work.ts'
import { listenForInterrupts } from '../interrupt.ts'
import type { Io } from '../io.ts'
import { here } from '../session.ts'
import { workOnWorkflow } from '../workflow/work.ts'
import { sayNext } from './say-next.ts'
import { watchRun } from './watch.ts'

export interface WorkOptions {
  readonly json: boolean
  readonly verbose: boolean
  /** Return (exit 5) instead of waiting for an exhausted quota or a timer. */
  readonly noWait: boolean
  /** The lease on the run's target, if it is already held. */
  readonly target?: Lease | null
  /** The first event to show. */
  readonly from?: number
}

/**
 * Works on a stored run in the foreground: shows its events, ends in an orderly way on Ctrl-C, and sets the exit status to that
 * of the run. `repository` null: the one around the current folder (a batch needs none). Throws as `driveDirect`.
 */
export async function workOn(
  io: Io,
  record: RecordStore,
  repository: Repository | null,
  run: RunRow,
  options: WorkOptions,
): Promise<void> {
  if (run.program === batchProgram.name) return workOnBatch(io, record, run, options)
  if (run.program === workflowProgram.name) return workOnWorkflow(io, record, run, options)
  const { json, verbose, noWait, from, target = null } = options
  const watch = await watchRun(io, record, run, { json, verbose }, from)
  const interrupts = listenForInterrupts(watch)
  try {
    const result = await driveDirect({
      record,
      run,
      repository: repository ?? (await here(io)),
      env: io.env,
      noWait,
      concurrency: (run.config as Config).concurrency,
      target,
      note: (text) => io.note(`warning: ${text}`),
      signal: interrupts.signal,
    })
    io.exitCode = result.exitCode
  } finally {
    await watch.stop()
    interrupts.dispose()
  }
  if (!json && io.exitCode !== 0) await sayNext(io, record, run)
}

/** Like `workOn`, after a person changed something. If a process already works on the run, it continues by itself. */
export async function goOn(
  io: Io,
  record: RecordStore,
  repository: Repository | null,
  run: RunRow,
  options: WorkOptions,
): Promise<void> {
  const holder = await holderOf(record, runLease(run.id))
  if (holder === null) return workOn(io, record, repository, run, options)
  io.note(
    `process ${holder.pid} on ${holder.host} works on run ${run.id} and goes on with it; follow it with: belay events --follow`,
  )
}

/** What happens, or what a person can do, after a change without `--resume`. */
export async function nextStep(record: RecordStore, run: RunRow): Promise<string> {
  const holder = await holderOf(record, runLease(run.id))
  if (holder !== null) return `process ${holder.pid} on ${holder.host} goes on with it`
  return `go on with: belay resume ${run.id}`
}
