import { BelayError } from '../../core/errors.ts'
import type { Repository } from '../../git/repository.ts'
import { listTasks, releaseLease, takeLease, type Lease, type RecordStore, type RunRow } from '../../record/index.ts'
import { runLease } from '../lease-keys.ts'
import { moveJournal } from '../guard.ts'
import { workspacePool } from '../services.ts'
import { takeOver } from '../takeover.ts'

/**
 * Does `work` while no other process can work on the run. If another process already works on it, `lease` is null, and `work`
 * may only do what is safe beside that process. Otherwise, what a dead process left running is ended first.
 */
export async function holdRun<T>(
  record: RecordStore,
  repository: Repository,
  run: RunRow,
  work: (lease: Lease | null) => Promise<T>,
): Promise<T> {
  const lease = await takeIfFree(record, run)
  try {
    if (lease !== null) await endDead(record, repository, run, lease)
    return await work(lease)
  } finally {
    if (lease) await releaseLease(record, lease)
  }
}

async function endDead(record: RecordStore, repository: Repository, run: RunRow, lease: Lease): Promise<void> {
  const tasks = await listTasks(record.read, run.id)
  if (!tasks.some((task) => task.status === 'running')) return
  const moves = moveJournal(record.home, run.id)
  await takeOver({
    record,
    run,
    repository,
    lease,
    workspaces: workspacePool(record, run, repository.root).folder,
    moves,
  })
}

async function takeIfFree(record: RecordStore, run: RunRow): Promise<Lease | null> {
  try {
    return await takeLease(record, runLease(run.id), `run ${run.id}`)
  } catch (error) {
    if (error instanceof BelayError && error.code === 'held') return null
    throw error
  }
}
