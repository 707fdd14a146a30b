import { BelayError } from '../core/errors.ts'
import { nearest } from '../core/text.ts'
import { openRepository, type Repository } from '../git/repository.ts'
import { RecordStore, findRun, listRuns, stateHome, type RunRow } from '../record/index.ts'
import type { Io } from './io.ts'

/** Opens the user's record, hands it to `work` and closes it whatever happens. */
export async function withRecord<T>(io: Io, work: (record: RecordStore) => Promise<T>): Promise<T> {
  const record = RecordStore.open(stateHome(io.env))
  try {
    return await work(record)
  } finally {
    await record.close()
  }
}

/** The repository that the user stands in. */
export async function here(io: Io): Promise<Repository> {
  return openRepository(io.cwd)
}

/** The run of this id, or the newest of this repository; null when it has none. `run_unknown` for an id that is not there. */
export async function selectRun(record: RecordStore, project: string, id: string | undefined): Promise<RunRow | null> {
  const runs = await listRuns(record.read, project)
  if (id === undefined) return runs[0] ?? null
  const found = await findRun(record.read, id)
  if (found) return found
  const near = nearest(id, runs.map((run) => run.id))
  throw new BelayError('run_unknown', `there is no run "${id}"`, {
    expected: runs.slice(0, 10).map((run) => run.id).join(', ') || 'no run has been made in this repository yet',
    received: id,
    next: near === null ? 'belay status' : `belay status ${near}`,
  })
}
