import { BelayError } from '../core/errors.ts'
import { assertLease, changeRun, type Lease, type RecordStore, type RunRow } from '../record/index.ts'

/** How often the time is noted, in ms: what a killed process may have worked without a note of it. */
const NOTE_EVERY_MS = 5000

export interface WorkMeter {
  /** Notes the last of it; does nothing when the run is no longer ours. */
  stop(): Promise<void>
}

/** Notes with the run how long it is worked on, over all its processes (for `budget.wall`). */
export function meterWork(record: RecordStore, run: RunRow, lease: Lease): WorkMeter {
  const began = record.clock.now()
  let noting: Promise<void> = Promise.resolve()
  const note = (): Promise<void> => noteWork(record, run, lease, run.workedMs + record.clock.now() - began)
  const timer = setInterval(() => {
    // A record that cannot be written stops the run where it is needed; the last note, in stop(), is not swallowed.
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
