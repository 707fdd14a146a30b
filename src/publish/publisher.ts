/** Publishes events as they occur. Server failures never affect the work itself. */
import { messageOf } from '../core/errors.ts'
import type { RecordedEvent } from '../record/index.ts'
import { readCursor, writeCursor, type Cursor } from './cursor.ts'
import { encode, envelope } from './envelope.ts'
import type { Feed } from './feed.ts'
import { redactor } from './redact.ts'
import { subjectOf } from './subject.ts'

/**
 * A connection to a server that receives events in order. `send` and `confirm` throw when the connection is lost; it is then
 * closed and opened again.
 */
export interface Outlet {
  /** Largest message, in bytes. */
  readonly most: number
  /** `id` is the same when an event is sent again. */
  send(subject: string, id: string, bytes: Uint8Array): void
  /** Resolves when the server has everything that was sent. Must settle in bounded time. */
  confirm(): Promise<void>
  close(): Promise<void>
}

export interface PublishConfig {
  /** Template of the subject. */
  readonly subject: string
  /** In bytes. */
  readonly maxPayload: number
  /** How long the end of the work waits for unpublished events. */
  readonly flushMs: number
}

export interface PublishOptions {
  readonly feed: Feed
  readonly config: PublishConfig
  readonly env: Readonly<Record<string, string | undefined>>
  /** Connects; throws if that fails. */
  readonly open: (signal: AbortSignal) => Promise<Outlet>
  /** The server's name without credentials, for people. */
  readonly server: string
  /** Called once when the connection is lost, and once when it is back. */
  readonly note: (text: string) => void
}

const BATCH = 200
const IDLE_MS = 250
const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 15_000

/** Publishes a feed from where the last process ended, until `stop`. Never throws, and holds at most one batch in memory. */
export class Publisher {
  private readonly options: PublishOptions
  private readonly redact: (text: string) => string
  private readonly stopping = new AbortController()
  private readonly giveUp = new AbortController()
  private wake: () => void = () => {}
  private cursor: Cursor = { seq: 0, count: 0 }
  private outlet: Outlet | null = null
  private down = false
  private readonly work: Promise<void>

  constructor(options: PublishOptions) {
    this.options = options
    this.redact = redactor(options.env)
    this.work = this.follow()
  }

  /** Publishes the rest, for at most `flushMs`, and ends. Tells the user how many events remain. */
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
    const { note, server, feed } = this.options
    this.cursor = await readCursor(feed.cursor)
    let retry = FIRST_RETRY_MS
    for (;;) {
      try {
        // Checked before reading, so that events which arrived before the stop are read too.
        const last = this.stopping.signal.aborted
        const done = await this.batch()
        retry = FIRST_RETRY_MS
        if (done && last) break
        if (done && !this.stopping.signal.aborted) await this.pause(IDLE_MS)
      } catch (error) {
        await this.drop()
        if (!this.down) {
          this.down = true
          note(
            `events are not published to ${server} (${this.redact(messageOf(error))}); ${feed.name} goes on, and they follow when it answers`,
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
    const { feed, note, server } = this.options
    const events = await feed.read(this.cursor.seq + 1, BATCH)
    if (events.length === 0) return true
    const outlet = (this.outlet ??= await this.options.open(this.giveUp.signal))
    let count = this.cursor.count
    for (const event of events) {
      count += 1
      await this.send(outlet, event, count)
    }
    await outlet.confirm()
    this.cursor = { seq: events.at(-1)?.seq ?? this.cursor.seq, count }
    await writeCursor(feed.cursor, this.cursor)
    if (this.down) {
      this.down = false
      note(`events are published to ${server} again`)
    }
    return events.length < BATCH
  }

  private async send(outlet: Outlet, event: RecordedEvent, count: number): Promise<void> {
    const { config, feed } = this.options
    const one = envelope(event, count, feed.owner, await feed.agentOf(event))
    const bytes = encode(one, Math.min(config.maxPayload, outlet.most), this.redact)
    outlet.send(subjectOf(config.subject, one), `${feed.key}/${event.seq}`, bytes)
  }

  private async drop(): Promise<void> {
    const { outlet } = this
    this.outlet = null
    // it is closed already or about to be
    await outlet?.close().catch(() => {})
  }

  private async remark(): Promise<void> {
    const { feed, note, server } = this.options
    try {
      const left = await feed.read(this.cursor.seq + 1, 10_000)
      if (left.length > 0)
        note(`${left.length} events of ${feed.name} were not published to ${server}; they follow when it goes on`)
    } catch (error) {
      note(`events of ${feed.name} were not all published: ${messageOf(error)}`)
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.giveUp.signal.aborted) return
    // the end of the work does not wait for a long retry
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
