import type { TaskStatus } from '../../core/words.ts'
import { totalCost } from '../../programs/shared/budget.ts'
import {
  listCheckpoints,
  listSessions,
  listTasks,
  type RecordStore,
  type RecordedEvent,
  type RunRow,
} from '../../record/index.ts'
import { money, oneLine } from '../views/format.ts'

/** One task of the block that is shown while a run is watched. Times are in ms since the epoch; texts are printable. */
export interface LiveTask {
  readonly handle: string
  readonly title: string
  readonly status: TaskStatus
  readonly phase: string | null
  readonly attempt: number
  readonly since: number | null
  readonly wakeAt: number | null
  readonly cost: string | null
  readonly reason: string | null
  /** What its agent last said or did. */
  readonly said: string | null
  /** Id of its open checkpoint. */
  readonly question: string | null
}

export interface LiveState {
  readonly run: string
  /** When this process began to show the run. */
  readonly begun: number
  readonly tasks: readonly LiveTask[]
  readonly cost: string | null
}

const LONGEST = 400

/** Reads a run's state for the block from the record; only the agents' last words come from its events. */
export class LiveReader {
  readonly #record: RecordStore
  readonly #run: RunRow
  readonly #begun: number
  readonly #said = new Map<string, string>()

  constructor(record: RecordStore, run: RunRow) {
    this.#record = record
    this.#run = run
    this.#begun = record.clock.now()
  }

  /** Remembers what an agent said in this event. */
  hear(event: RecordedEvent): void {
    if (event.task === null) return
    if (event.type === 'attempt.started') this.#said.delete(event.task)
    if (!event.type.startsWith('item.')) return
    const text = event.data['text']
    const line = typeof text === 'string' ? oneLine(text, LONGEST) : ''
    if (line !== '') this.#said.set(event.task, `${event.actor}: ${line}`)
  }

  /** The present state of the run. */
  async read(): Promise<LiveState> {
    const { read } = this.#record
    const run = this.#run.id
    const [tasks, sessions, open] = await Promise.all([
      listTasks(read, run),
      listSessions(read, run),
      listCheckpoints(read, { runs: [run], open: true }),
    ])
    const total = totalCost(sessions)
    return {
      run,
      begun: this.#begun,
      cost: money(total.usd, total.kind),
      tasks: tasks.map((task) => {
        const cost = totalCost(sessions.filter((session) => session.task === task.handle))
        return {
          handle: oneLine(task.handle, 40),
          title: oneLine(task.title, LONGEST),
          status: task.status,
          phase: task.phase,
          attempt: task.attempt,
          since: task.phaseStartedAt === null ? null : Date.parse(task.phaseStartedAt),
          wakeAt: task.wakeAt === null ? null : Date.parse(task.wakeAt),
          cost: money(cost.usd, cost.kind),
          reason: task.reason === null ? null : oneLine(task.reason.message, LONGEST),
          said: this.#said.get(task.handle) ?? null,
          question: open.find((one) => one.task === task.handle)?.id ?? null,
        }
      }),
    }
  }
}
