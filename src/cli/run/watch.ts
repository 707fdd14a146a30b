import { readEvents, type RecordStore, type RecordedEvent, type RunRow } from '../../record/index.ts'
import { eventLine } from '../event-line.ts'
import type { Io } from '../io.ts'
import { liveLines } from '../live/lines.ts'
import { openScreen, type Screen } from '../live/screen.ts'
import { LiveReader } from '../live/state.ts'
import { ringBell } from './bell.ts'
import { describeEvent } from './describe.ts'

export interface WatchOptions {
  readonly json: boolean
  readonly verbose: boolean
}

export interface Watch {
  /** Prints a line without disturbing what is shown. */
  note(line: string): void
  /** Shows the remaining events, then ends. */
  stop(): Promise<void>
}

const POLL_MS = 100
/** Interval at which the block is redrawn without events, for its clocks, in ms. */
const REDRAW_MS = 1000

/**
 * Shows a run's events as they are appended: with `json` as NDJSON on stdout, else as lines for people on stderr. On a terminal
 * the lines are above a block with the state of the run. Reads by seq, so nothing is shown twice or left out.
 */
export async function watchRun(
  io: Io,
  record: RecordStore,
  run: RunRow,
  options: WatchOptions,
  from = 1,
): Promise<Watch> {
  const display =
    !options.json && io.screen !== null && !io.env['CI']
      ? await liveDisplay(io, io.screen, record, run)
      : plainDisplay(io)
  let next = from
  let finished = false
  let busy: Promise<void> = Promise.resolve()
  const show = async (): Promise<void> => {
    const events = await readEvents(record.read, { from: next, run: run.id, limit: 1000 })
    for (const event of events) {
      next = event.seq + 1
      ringBell(io, event)
      // For programs, the last line says how the run ended; later remarks are for people.
      if (options.json && !finished) io.out(eventLine(event))
      else display.event(event, describeEvent(event, options.verbose))
      finished ||= event.type === 'run.finished'
    }
    await display.refresh(events.length > 0)
  }
  const timer = setInterval(() => {
    busy = busy.then(show)
    // A failing read shows where the run itself reads; the last one, in stop(), is reported.
    busy.catch(() => {})
  }, POLL_MS)
  return {
    note: (line) => display.note(line),
    async stop() {
      clearInterval(timer)
      try {
        await busy
        await show()
      } finally {
        await display.close()
      }
    },
  }
}

interface Display {
  event(event: RecordedEvent, line: string | null): void
  note(line: string): void
  refresh(changed: boolean): Promise<void>
  close(): Promise<void>
}

function plainDisplay(io: Io): Display {
  return {
    event: (_, line) => {
      if (line !== null) io.note(line)
    },
    note: (line) => io.note(line),
    refresh: async () => {},
    close: async () => {},
  }
}

async function liveDisplay(io: Io, terminal: NodeJS.WriteStream, record: RecordStore, run: RunRow): Promise<Display> {
  const reader = new LiveReader(record, run)
  let state = await reader.read()
  const screen: Screen = await openScreen(terminal)
  let drawn = 0
  const draw = (): void => {
    drawn = record.clock.now()
    screen.draw(liveLines(state, { rows: terminal.rows - 1, now: drawn, color: io.color }))
  }
  terminal.on('resize', draw)
  return {
    event: (event, line) => {
      reader.hear(event)
      if (line !== null) screen.print(line)
    },
    note: (line) => screen.print(line),
    async refresh(changed) {
      if (changed) state = await reader.read()
      if (changed || record.clock.now() - drawn >= REDRAW_MS) draw()
    },
    async close() {
      terminal.off('resize', draw)
      await screen.close()
    },
  }
}
