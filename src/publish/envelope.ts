/** An event as it leaves this machine: whose it is, in full, and no more of it than fits. */
import { cap } from '../core/text.ts'
import type { RecordedEvent } from '../record/index.ts'

/** Who an event belongs to. Ids are text; what does not apply is null. */
export interface Owner {
  readonly project: string | null
  readonly run: string | null
  /** The run's program. */
  readonly program: string | null
  readonly host: string
}

/** The agent of a session. */
export interface SessionAgent {
  readonly role: string
  readonly provider: string
  readonly model: string | null
  /** The folder that it works in. */
  readonly workspace: string
}

export interface Envelope {
  /** Of the record, or the session, that it comes from; grows, with gaps where other events are. */
  readonly seq: number
  /** Of the run, or the session that is in none: 1, 2, 3, without gaps. */
  readonly run_seq: number
  readonly timestamp: string
  readonly type: string
  readonly version: number
  readonly host: string
  readonly project_id: string | null
  /** null: a turn of `belay exec` or `belay chat`. */
  readonly run_id: string | null
  /** The run, when it is a workflow's. */
  readonly workflow_run_id: string | null
  readonly task: string | null
  readonly session_id: string | null
  /** `provider/model`. */
  readonly agent_id: string | null
  /** What it does in the run: `implementer`, `reviewer`, `step`; in no run its provider. */
  readonly agent_name: string | null
  /** The folder that the agent of the session works in. */
  readonly workspace: string | null
  /** Which try of the task it belongs to; null when it is about none. In no run: the turn of the session. */
  readonly attempt: number | null
  readonly actor: string
  readonly data: Readonly<Record<string, unknown>>
}

export function envelope(event: RecordedEvent, runSeq: number, owner: Owner, agent: SessionAgent | null): Envelope {
  return {
    seq: event.seq,
    run_seq: runSeq,
    timestamp: event.time,
    type: event.type,
    version: event.version,
    host: owner.host,
    project_id: owner.project,
    run_id: owner.run,
    workflow_run_id: owner.program?.startsWith('workflow') ? owner.run : null,
    task: event.task,
    session_id: event.session,
    agent_id: agent === null ? null : `${agent.provider}${agent.model === null ? '' : `/${agent.model}`}`,
    agent_name: agent?.role ?? null,
    workspace: agent?.workspace ?? null,
    attempt: numberOf(event.data['attempt']) ?? (owner.run === null ? numberOf(event.data['turn']) : null),
    actor: event.actor,
    data: event.data,
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

const encoder = new TextEncoder()
/** Texts are cut to these lengths, one after the other, until the whole fits. */
const CUTS = [8192, 2048, 512, 128]

/**
 * The bytes of an envelope, redacted, and at most `max` of them: texts are cut in the middle, and `data` that is still too big is
 * replaced by what it was about. `max` is at least 1024.
 */
export function encode(one: Envelope, max: number, redact: (text: string) => string): Uint8Array {
  for (const cut of CUTS) {
    const bytes = encoder.encode(JSON.stringify({ ...one, data: shorten(one.data, (text) => cap(redact(text), cut)) }))
    if (bytes.length <= max) return bytes
  }
  const full = encoder.encode(JSON.stringify(one.data)).length
  const keys = Object.keys(one.data)
    .slice(0, 10)
    .map((key) => cap(redact(key), 40))
  return encoder.encode(JSON.stringify({ ...one, data: { truncated: true, bytes: full, keys } }))
}

function shorten(value: unknown, text: (text: string) => string): unknown {
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return value.map((one) => shorten(one, text))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [text(key), shorten(one, text)]))
}
