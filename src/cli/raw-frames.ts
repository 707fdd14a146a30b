import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { listSessions, type RecordStore, type SessionRow } from '../record/index.ts'

/** What an agent wrote, before any interpretation. */
export interface RawFrame {
  readonly time: string
  readonly attempt: number
  readonly frame: string
}

export interface FrameFilter {
  readonly run: string
  readonly task: string
  readonly attempt: number | null
  readonly role: string | null
}

const CHUNK = 1 << 20

/** Reads the raw frames of a task's sessions. Each call continues where the previous one ended. */
export class RawFrames {
  readonly #record: RecordStore
  readonly #filter: FrameFilter
  /** Bytes already read, by session. */
  readonly #read = new Map<string, number>()

  constructor(record: RecordStore, filter: FrameFilter) {
    this.#record = record
    this.#filter = filter
  }

  /** Shows every new frame, session by session in the order in which they began. */
  async look(show: (session: SessionRow, frame: RawFrame) => void): Promise<void> {
    const { run, task, role, attempt } = this.#filter
    for (const session of await listSessions(this.#record.read, run, task)) {
      if (role !== null && session.role !== role) continue
      const file = join(this.#record.home, 'sessions', `${session.id}.jsonl`)
      for await (const line of this.#newLines(session.id, file)) {
        const frame = JSON.parse(line) as RawFrame
        if (attempt === null || frame.attempt === attempt) show(session, frame)
      }
    }
  }

  /** Complete lines since the last call; an incomplete last one is left for the next call. */
  async *#newLines(session: string, path: string): AsyncGenerator<string> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null // nothing was written yet
      throw error
    })
    if (file === null) return
    try {
      let rest = Buffer.alloc(0)
      for (let at = this.#read.get(session) ?? 0; ;) {
        const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(CHUNK), position: at + rest.length })
        if (bytesRead === 0) return
        const text = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
        const end = text.lastIndexOf(0x0a) + 1
        yield* text.subarray(0, end).toString('utf8').split('\n').slice(0, -1)
        at += end
        this.#read.set(session, at)
        rest = text.subarray(end)
      }
    } finally {
      await file.close()
    }
  }
}
