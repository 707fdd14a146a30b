import type { RecordedEvent } from '../record/index.ts'

/** An event as one line of NDJSON (docs/events.md). `run.finished` also has its status at the top level. */
export function eventLine(event: RecordedEvent): string {
  const { seq, time, type, version, project, run, task, session, actor, data } = event
  const status = type === 'run.finished' ? { status: data['status'] } : {}
  return JSON.stringify({ seq, time, type, version, project, run, task, session, actor, data, ...status })
}
