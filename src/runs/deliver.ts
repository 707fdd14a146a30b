import { messageOf } from '../core/errors.ts'
import { cap, printable } from '../core/text.ts'
import type { Reason } from '../core/words.ts'
import type { TaskTransition } from '../kernel/index.ts'
import { resolveProgram, spawnKept } from '../process/index.ts'
import {
  appendEvents,
  beginDelivery,
  endDelivery,
  pendingDeliveries,
  type Delivery,
  type NewDelivery,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'

/** What `notify.command` gets on stdin, as JSON. */
export interface Notice {
  readonly event: string
  readonly time: string
  readonly run: string
  readonly repository: string
  readonly status: string
  readonly task: { readonly handle: string; readonly title: string; readonly phase: string | null } | null
  readonly reason: Reason | null
  readonly checkpoint: {
    readonly id: string
    readonly kind: string
    readonly question: string
    readonly options: readonly string[]
  } | null
  readonly landed: boolean | null
  readonly finish_command: string | null
  /** One line for people. */
  readonly message: string
}

export interface NotifierOptions {
  readonly record: RecordStore
  readonly run: RunRow
  /** The user's checkout; the command's working directory. */
  readonly root: string
  /** The command's environment, besides the variables that describe the notice. */
  readonly env: Readonly<Record<string, string>>
  /** `notify.command`; null: nobody is notified. */
  readonly command: readonly string[] | null
}

const KIND = 'notify'
/** How many deliveries of a notice are started. It is started again only if Belay died during the previous delivery. */
const MAX_TRIES = 3
const DEADLINE_MS = 10_000
const MAX_MESSAGE = 2000

/**
 * Notifies people through their own command. A notice is queued in the transaction that it reports, and delivered afterwards,
 * in order. Each key is delivered once, except that a delivery during which Belay died is started again (at most three in
 * total). A command that fails or takes too long becomes an event and never fails the run.
 */
export class Notifier {
  readonly #options: NotifierOptions
  #work: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined

  constructor(options: NotifierOptions) {
    this.#options = options
  }

  /** The notices to queue with a task transition, if a person is needed. */
  ofTask(change: TaskTransition): NewDelivery[] {
    const { task, status, reason, checkpoint } = change
    if (status !== 'waiting' && status !== 'blocked' && status !== 'replan') return []
    const { handle, title } = task
    const what = checkpoint?.question ?? reason?.message ?? ''
    const key = checkpoint === null ? status : `${status}:${checkpoint.id}`
    return this.#queue(`${handle}:${change.epoch}:${key}`, {
      event: `task.${status}`,
      status,
      task: { handle, title, phase: change.phase },
      reason,
      checkpoint: checkpoint && {
        id: checkpoint.id,
        kind: checkpoint.kind,
        question: checkpoint.question,
        options: checkpoint.options,
      },
      message: `${handle} is ${status}: ${what}`,
    })
  }

  /** The notices to queue when a run ends. `holding` is part of the key, so that each ending of a run has its own. */
  ofRun(
    event: 'run.finished' | 'run.failed',
    holding: number,
    end: Pick<Notice, 'status' | 'reason'> & Partial<Pick<Notice, 'landed' | 'finish_command'>>,
  ): NewDelivery[] {
    // The user who stopped the run knows about it.
    if (end.status === 'interrupted') return []
    const why = end.reason === null ? '' : `: ${end.reason.message}`
    return this.#queue(`${event}:${holding}`, {
      event,
      ...end,
      message: `run ${this.#options.run.id} is ${end.status}${why}`,
    })
  }

  #queue(
    key: string,
    notice: Pick<Notice, 'event' | 'status' | 'reason' | 'message'> & Partial<Notice>,
  ): NewDelivery[] {
    const { command, record, run, root } = this.#options
    if (command === null) return []
    const payload: Notice = {
      time: record.now(),
      run: run.id,
      repository: root,
      task: null,
      checkpoint: null,
      landed: null,
      finish_command: null,
      ...notice,
      message: oneLine(notice.message),
    }
    return [{ key: `${KIND}:${run.id}:${key}`, kind: KIND, payload }]
  }

  /** Starts to deliver what is queued, in the background. */
  wake(): void {
    if (this.#options.command === null) return
    this.#work = this.#work
      .then(() => this.#deliver())
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
  }

  /** Waits until every queued notice was delivered or given up. Rejects if the record could not be written. */
  async drain(): Promise<void> {
    this.wake()
    await this.#work
    if (this.#failure) throw this.#failure.error
  }

  async #deliver(): Promise<void> {
    const { record, run } = this.#options
    for (const delivery of await pendingDeliveries(record, run.id)) {
      if (delivery.kind === KIND) await this.#deliverOne(delivery)
    }
  }

  async #deliverOne(delivery: Delivery): Promise<void> {
    const { record, run } = this.#options
    const tired = delivery.tries >= MAX_TRIES
    if (!tired) await beginDelivery(record, delivery.id)
    const failure = tired
      ? `Belay died ${delivery.tries} times while it ran`
      : await this.#run(delivery.payload as Notice)
    await endDelivery(record, delivery.id, failure)
    if (failure === null) return
    await record.write((tx) =>
      appendEvents(tx, record.now(), [
        { type: 'notify.failed', project: run.project, run: run.id, data: { key: delivery.key, message: failure } },
      ]),
    )
  }

  /** Runs the command for one notice. Returns why it failed, or null. */
  async #run(notice: Notice): Promise<string | null> {
    const { command, root, env, run } = this.#options
    const own = { ...env, ...variables(notice) }
    const [program = '', ...args] = command ?? []
    const path = resolveProgram(program, root, own['PATH'])
    if (path === null) return `the program ${JSON.stringify(program)} was not found or may not be run`
    try {
      const text = `${JSON.stringify(notice)}\n`
      const kept = spawnKept({ argv: [path, ...args], cwd: root, env: own, stdin: { text }, mark: `${run.id}/notify` })
      kept.stdout.resume()
      kept.stderr.resume()
      let late = false
      const deadline = setTimeout(() => {
        late = true
        void kept.end()
      }, DEADLINE_MS)
      const exit = await kept.closed
      clearTimeout(deadline)
      if (late) return `it took longer than ${DEADLINE_MS / 1000} s and was ended`
      return exit.code === 0 ? null : `it ended with ${exit.signal ?? `exit status ${exit.code}`}`
    } catch (error) {
      return `it could not be started: ${messageOf(error)}`
    }
  }
}

function variables(notice: Notice): Record<string, string> {
  return {
    BELAY_EVENT: notice.event,
    BELAY_RUN: notice.run,
    BELAY_STATUS: notice.status,
    BELAY_HANDLE: notice.task?.handle ?? '',
    BELAY_MESSAGE: notice.message,
  }
}

function oneLine(text: string): string {
  return cap(printable(text).replace(/\s+/g, ' ').trim(), MAX_MESSAGE)
}
