import type { RecordedEvent } from '../../record/index.ts'
import type { Io } from '../io.ts'

/** Events that a person should hear about while doing something else. */
const CALLS: ReadonlySet<string> = new Set(['checkpoint.opened', 'task.blocked', 'task.replan', 'run.failed'])

/** Rings the terminal's bell when a person is needed or a run ended by itself; silent if stderr is not a terminal. */
export function ringBell(io: Pick<Io, 'screen'>, event: RecordedEvent): void {
  const isEnd = event.type === 'run.finished' && event.data['status'] !== 'interrupted'
  if (isEnd || CALLS.has(event.type)) io.screen?.write('\u0007')
}
