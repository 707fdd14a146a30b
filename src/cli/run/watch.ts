import { readEvents, type RecordStore, type RecordedEvent, type RunRow } from '../../record/index.ts'
import { eventLine } from '../event-line.ts'
import type { Io } from '../io.ts'
import { describeEvent } from './describe.ts'

export interface WatchOptions {
  readonly json: boolean
  readonly verbose: boolean
}

export interface Watch {
  /** Shows what is still to be shown, then ends. */
  stop(): Promise<void>
}

const POLL_MS = 100

/**
 * Shows a run's events as they are appended: NDJSON on stdout with `json`, else lines for people on stderr. Reads by seq, so
 * nothing is shown twice or left out.
 */
export async function watchRun(
  io: Io,
  record: RecordStore,
  run: RunRow,
  options: WatchOptions,
  from = 1,
): Promise<Watch> {
  let next = from
  let busy: Promise<void> = Promise.resolve()
  const show = async (): Promise<void> => {
    const events = await readEvents(record.read, { from: next, run: run.id, limit: 1000 })
    for (const event of events) {
      next = event.seq + 1
      if (options.json) io.out(eventLine(event))
      else showLine(io, event, options.verbose)
    }
  }
  const timer = setInterval(() => {
    busy = busy.then(show)
    // A failing read shows itself where the run itself reads; the last one, in stop(), is not swallowed.
    busy.catch(() => {})
  }, POLL_MS)
  return {
    async stop() {
      clearInterval(timer)
      await busy
      await show()
    },
  }
}

function showLine(io: Io, event: RecordedEvent, verbose: boolean): void {
  const line = describeEvent(event, verbose)
  if (line !== null) io.note(line)
}
