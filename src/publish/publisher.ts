/** Publishes a run's events as the record gets them. Whatever happens to the server, the run does not notice. */
import { hostname } from 'node:os'
import { messageOf } from '../core/errors.ts'
import { listSessions, readEvents, type RecordStore, type RecordedEvent, type RunRow } from '../record/index.ts'
import { cursorFile, readCursor, writeCursor, type Cursor } from './cursor.ts'
import { encode, envelope, type Owner, type SessionAgent } from './envelope.ts'
import { redactor } from './redact.ts'
import { subjectOf } from './subject.ts'

/** A server that took what it was sent, in order. `send` and `confirm` throw when it is gone; then it is closed and opened again. */
export interface Outlet {
  /** Bytes that one message may have. */
  readonly most: number
  /** `id` is the same when an event is sent again. */
  send(subject: string, id: string, bytes: Uint8Array): void
  /** Resolves when the server has all that was sent. Must not take for ever. */
  confirm(): Promise<void>
  close(): Promise<void>
}

export interface PublishConfig {
  /** Template of the subject. */
  readonly subject: string
  /** Bytes. */
  readonly maxPayload: number
  /** How long the end of a run waits for what is not published yet. */
  readonly flushMs: number
}

export interface PublishOptions {
  readonly record: RecordStore
  readonly run: Pick<RunRow, 'id' | 'project' | 'program'>
  readonly config: PublishConfig
  readonly env: Readonly<Record<string, string | undefined>>
  /** Connects; throws when that fails. */
  readonly open: (signal: AbortSignal) => Promise<Outlet>
  /** Name of the server without credentials, for people. */
  readonly server: string
  /** Told once when the server is gone, and once when it is back. */
  readonly note: (text: string) => void
}

const BATCH = 200
const IDLE_MS = 250
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 15_000

/** Follows the record from where the last one ended, until `stop`. Never throws, and holds at most one batch. */
export class Publisher {
  private readonly options: PublishOptions
  private readonly file: string
  private readonly owner: Owner
  private readonly redact: (text: string) => string
  private readonly agents = new Map<string, SessionAgent | null>()
  private readonly stopping = new AbortController()
  private readonly giveUp = new AbortController()
  private wake: () => void = () => {}
  private cursor: Cursor = { seq: 0, count: 0 }
  private outlet: Outlet | null = null
  private down = false
  private readonly work: Promise<void>

  constructor(options: PublishOptions) {
    const { run } = options
    this.options = options
    this.file = cursorFile(options.record.home, run.id)
    this.owner = { project: run.project, run: run.id, program: run.program, host: hostname() }
    this.redact = redactor(options.env)
    this.work = this.follow()
  }

  /** Publishes what there is, for at most `flushMs`, and ends. Says what is left. */
  async stop(): Promise<void> {
    this.stopping.abort()
    this.wake()
    const timer = setTimeout(() => {
      this.giveUp.abort()
      this.wake()
    }, this.options.config.flushMs)
    await this.work
    clearTimeout(timer)
  }

  private async follow(): Promise<void> {
    const { note, server } = this.options
    this.cursor = await readCursor(this.file)
    let retry = FIRST_RETRY_MS
    for (;;) {
      try {
        const done = await this.batch()
        retry = FIRST_RETRY_MS
        if (done && this.stopping.signal.aborted) break
        if (done) await this.pause(IDLE_MS)
      } catch (error) {
        await this.drop()
        if (!this.down) {
          this.down = true
          note(
            `events are not published to ${server} (${this.redact(messageOf(error))}); the run goes on, and they follow when it answers`,
          )
        }
        if (!this.giveUp.signal.aborted) await this.pause(retry)
        retry = Math.min(retry * 2, LONGEST_RETRY_MS)
      }
      if (this.giveUp.signal.aborted) break
    }
    await this.drop()
    await this.remark()
  }

  /** Publishes the next events; true when there are no more. */
  private async batch(): Promise<boolean> {
    const { record, run, note, server } = this.options
    const events = await readEvents(record.read, { run: run.id, from: this.cursor.seq + 1, limit: BATCH })
    if (events.length === 0) return true
    const outlet = (this.outlet ??= await this.options.open(this.giveUp.signal))
    let count = this.cursor.count
    for (const event of events) {
      count += 1
      await this.send(outlet, event, count)
    }
    await outlet.confirm()
    this.cursor = { seq: events.at(-1)?.seq ?? this.cursor.seq, count }
    await writeCursor(this.file, this.cursor)
    if (this.down) {
      this.down = false
      note(`events are published to ${server} again`)
    }
    return events.length < BATCH
  }

  private async send(outlet: Outlet, event: RecordedEvent, count: number): Promise<void> {
    const { config, run } = this.options
    const one = envelope(event, count, this.owner, await this.agentOf(event.session))
    const bytes = encode(one, Math.min(config.maxPayload, outlet.most), this.redact)
    outlet.send(subjectOf(config.subject, one), `${run.id}/${event.seq}`, bytes)
  }

  private async agentOf(session: string | null): Promise<SessionAgent | null> {
    if (session === null) return null
    const known = this.agents.get(session)
    if (known !== undefined) return known
    const rows = await listSessions(this.options.record.read, this.options.run.id)
    const row = rows.find(({ id }) => id === session)
    const agent = row === undefined ? null : { role: row.role, provider: row.provider, model: row.model }
    // the model may only become known later
    if (agent?.model != null) this.agents.set(session, agent)
    return agent
  }

  private async drop(): Promise<void> {
    const { outlet } = this
    this.outlet = null
    // it is gone already, or about to
    await outlet?.close().catch(() => {})
  }

  private async remark(): Promise<void> {
    try {
      const { record, run, note, server } = this.options
      const left = await readEvents(record.read, { run: run.id, from: this.cursor.seq + 1, limit: 10_000 })
      if (left.length > 0)
        note(`${left.length} events of run ${run.id} were not published to ${server}; they follow when the run goes on`)
    } catch (error) {
      this.options.note(`events of run ${this.options.run.id} were not all published: ${messageOf(error)}`)
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.giveUp.signal.aborted) return
    // the end of a run does not wait for a long retry
    const most = this.stopping.signal.aborted ? Math.min(ms, FIRST_RETRY_MS) : ms
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, most)
      this.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
