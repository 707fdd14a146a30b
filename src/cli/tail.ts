import { readEvents, type EventFilter, type RecordStore, type RecordedEvent } from '../record/index.ts'
import type { Io } from './io.ts'

const PAGE = 1000
const POLL_MS = 100

export interface TailOptions {
  readonly follow: boolean
  /** Ends a follow. */
  readonly signal: AbortSignal
  /** Called between two reads of a follow; true ends it. */
  readonly over?: () => Promise<boolean>
}

/** Shows events page by page in seq order and, with `follow`, as they are appended. Each event is shown exactly once. */
export async function tailEvents(
  io: Io,
  record: RecordStore,
  filter: EventFilter & { readonly from: number },
  options: TailOptions,
  show: (event: RecordedEvent) => void,
): Promise<void> {
  let from = filter.from
  await poll(io, record, options, async () => {
    for (;;) {
      const events = await readEvents(record.read, { ...filter, from, limit: PAGE })
      for (const event of events) show(event)
      from = (events.at(-1)?.seq ?? from - 1) + 1
      if (events.length < PAGE || options.signal.aborted || io.outputGone()) return
    }
  })
}

/** Calls `look` once or, with `follow`, repeatedly until the signal aborts, the reader is gone, or `over` says so. */
export async function poll(
  io: Io,
  record: RecordStore,
  options: TailOptions,
  look: () => Promise<void>,
): Promise<void> {
  const { follow, signal, over } = options
  for (;;) {
    // Checked before the read, so that what came before the end is still shown.
    const last = !follow || (over !== undefined && (await over()))
    await look()
    if (last || signal.aborted || io.outputGone()) return
    try {
      await record.clock.sleepUntil(record.clock.now() + POLL_MS, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
