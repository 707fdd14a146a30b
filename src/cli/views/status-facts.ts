import { holderOf, listRuns, type RecordStore, type RunRow } from '../../record/index.ts'
import { runLease } from '../../runs/lease-keys.ts'
import { isUnfinished } from '../../runs/resume.ts'

/** What people see of a run's standing beside the view itself. */
export interface StatusFacts {
  /** Process that works on the run now, or null. */
  readonly holder: { readonly host: string; readonly pid: number } | null
  /** It is the newest run of its repository: commands need not name it. */
  readonly newest: boolean
  /** Going on with it could change something. */
  readonly open: boolean
  /** When it ended, in ms since the epoch; null while it has not. */
  readonly endedAt: number | null
  /** ms since the epoch. */
  readonly now: number
}

/** The facts of a run as it stands now; `run` null: there is none. */
export async function statusFacts(record: RecordStore, run: RunRow | null): Promise<StatusFacts> {
  const now = record.clock.now()
  if (run === null) return { holder: null, newest: true, open: false, endedAt: null, now }
  const [newest] = await listRuns(record.read, run.project, 1)
  return {
    holder: await holderOf(record, runLease(run.id)),
    newest: newest?.id === run.id,
    open: await isUnfinished(record, run),
    endedAt: run.endedAt === null ? null : Date.parse(run.endedAt),
    now,
  }
}
