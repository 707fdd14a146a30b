import type { RecordedEvent } from '../../record/index.ts'
import type { Io } from '../io.ts'

/** What a person who does other things meanwhile should hear of. */
const CALLS: ReadonlySet<string> = new Set(['checkpoint.opened', 'task.blocked', 'task.replan', 'run.failed'])

/** Rings the terminal's bell when a person is wanted or a run ended by itself; silent when stderr is no terminal. */
export function ringBell(io: Pick<Io, 'screen'>, event: RecordedEvent): void {
  const isEnd = event.type === 'run.finished' && event.data['status'] !== 'interrupted'
  if (isEnd || CALLS.has(event.type)) io.screen?.write('\u0007')
}
