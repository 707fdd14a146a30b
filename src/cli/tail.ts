import { readEvents, type EventFilter, type RecordStore, type RecordedEvent } from '../record/index.ts'
import type { Io } from './io.ts'

const PAGE = 1000
const POLL_MS = 100

export interface TailOptions {
  readonly follow: boolean
  /** Ends a follow. */
  readonly signal: AbortSignal
  /** Asked between two looks of a follow: true ends it. */
  readonly over?: () => Promise<boolean>
}

/** Reads events page by page, in seq order, then as they are appended when following; each is shown exactly once. */
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

/** Calls `look` once, or when following again and again until the signal, the reader's end, or `over`. */
export async function poll(
  io: Io,
  record: RecordStore,
  options: TailOptions,
  look: () => Promise<void>,
): Promise<void> {
  const { follow, signal, over } = options
  for (;;) {
    // Asked before the look, so that what came before the end is still shown.
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
