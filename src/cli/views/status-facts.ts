import { holderOf, listRuns, type RecordStore, type RunRow } from '../../record/index.ts'
import { runLease } from '../../runs/lease-keys.ts'
import { isUnfinished } from '../../runs/resume.ts'

/** Facts about a run that its status text needs in addition to the view. */
export interface StatusFacts {
  /** Process that is working on the run, or null. */
  readonly holder: { readonly host: string; readonly pid: number } | null
  /** Whether it is the newest run of its project, so that commands need not name it. */
  readonly newest: boolean
  /** Whether resuming it could change something. */
  readonly open: boolean
  /** When it ended, in ms since the epoch; null: it has not ended. */
  readonly endedAt: number | null
  /** Current time, in ms since the epoch. */
  readonly now: number
}

/** The present facts about a run; `run` null: there is none. */
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
