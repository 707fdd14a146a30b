import { printable } from '../../core/text.ts'
import { findRun, type RecordStore, type RunRow } from '../../record/index.ts'
import type { Io } from '../io.ts'
import { statusFacts } from '../views/status-facts.ts'
import { nextCommand } from '../views/status-text.ts'
import { statusView } from '../views/status.ts'

/** Prints the command that continues a run that is not done, as `belay status` shows it. */
export async function sayNext(io: Io, record: RecordStore, run: RunRow): Promise<void> {
  const now = await findRun(record.read, run.id)
  const next = nextCommand(await statusView(record, now), await statusFacts(record, now))
  if (next !== null) io.note(`next: ${printable(next)}`)
}
