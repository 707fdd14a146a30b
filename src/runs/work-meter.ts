import { BelayError } from '../core/errors.ts'
import { assertLease, changeRun, type Lease, type RecordStore, type RunRow } from '../record/index.ts'

/** Interval at which working time is stored, in ms: the most that is lost when a process is killed. */
const NOTE_EVERY_MS = 5000

export interface WorkMeter {
  /** Stores the time since the last note; does nothing if the run is no longer ours. */
  stop(): Promise<void>
}

/** Stores with the run how long it has been worked on, summed over all its processes (for `budget.wall`). */
export function meterWork(record: RecordStore, run: RunRow, lease: Lease): WorkMeter {
  const began = record.clock.now()
  let noting: Promise<void> = Promise.resolve()
  const note = (): Promise<void> => noteWork(record, run, lease, run.workedMs + record.clock.now() - began)
  const timer = setInterval(() => {
    // A record that cannot be written stops the run elsewhere, and the last note, in stop(), does report its failure.
    noting = noting.then(note).catch(() => {})
  }, NOTE_EVERY_MS)
  return {
    async stop() {
      clearInterval(timer)
      await noting
      await note()
    },
  }
}

async function noteWork(record: RecordStore, run: RunRow, lease: Lease, workedMs: number): Promise<void> {
  try {
    await record.write(async (tx) => {
      await assertLease(tx, lease)
      await changeRun(tx, run.id, record.now(), { workedMs })
    })
  } catch (error) {
    if (!(error instanceof BelayError && error.code === 'lease_lost')) throw error
  }
}
