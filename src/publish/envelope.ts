/** An event as it leaves this machine: with its owner in full, and cut to the allowed size. */
import { cap, head } from '../core/text.ts'
import type { RecordedEvent } from '../record/index.ts'

/** The owner of an event. Ids are text; what does not apply is null. */
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
  /** The folder in which the agent works. */
  readonly workspace: string
}

export interface Envelope {
  /** Sequence number in the record or session that the event comes from: increasing, with gaps where other events are. */
  readonly seq: number
  /** Number within the run (or within a session outside of runs): 1, 2, 3, without gaps. */
  readonly run_seq: number
  readonly timestamp: string
  readonly type: string
  readonly version: number
  readonly host: string
  readonly project_id: string | null
  /** null: a turn of `belay exec` or `belay chat`. */
  readonly run_id: string | null
  /** The run's id if it is a workflow run. */
  readonly workflow_run_id: string | null
  readonly task: string | null
  readonly session_id: string | null
  /** `provider/model`. */
  readonly agent_id: string | null
  /** The agent's role in the run (`implementer`, `reviewer`, `step`); outside of runs, its provider. */
  readonly agent_name: string | null
  /** The folder in which the session's agent works. */
  readonly workspace: string | null
  /** The task's attempt that the event belongs to; null: none. Outside of runs: the turn of the session. */
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
/** Texts are cut to these lengths, one after the other, until the message fits. */
const CUTS = [8192, 2048, 512, 128]
/** With a summary instead of `data`: lengths of what names the owner, and how many keys the summary has. */
const LAST_CUTS = [
  { length: 256, keys: 10 },
  { length: 40, keys: 10 },
  { length: 12, keys: 0 },
]

/**
 * The message for an event, redacted and shortened to fit into `max` bytes (at least 1024): texts are cut in the middle; `data`
 * that is still too big is replaced by a summary, and then the names of task, agent and workspace are cut at their ends. Ids,
 * type and time are never changed.
 */
export function encode(one: Envelope, max: number, redact: (text: string) => string): Uint8Array {
  for (const cut of CUTS) {
    const text = (value: string): string => cap(redact(value), cut)
    const bytes = bytesOf({ ...named(one, text), data: shorten(one.data, text) })
    if (bytes.length <= max) return bytes
  }
  const full = bytesOf(one.data).length
  let bytes = new Uint8Array()
  for (const { length, keys: count } of LAST_CUTS) {
    const keys = Object.keys(one.data)
      .slice(0, count)
      .map((key) => head(redact(key), Math.min(length, 40)))
    const summary = { truncated: true, bytes: full, keys }
    bytes = bytesOf({ ...named(one, (value) => head(redact(value), length)), data: summary })
    if (bytes.length <= max) break
  }
  return bytes
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value))
}

/** `one` with `text` applied to those of its names that may be of any length. */
function named(one: Envelope, text: (value: string) => string): Envelope {
  const of = (value: string | null): string | null => (value === null ? null : text(value))
  return {
    ...one,
    host: text(one.host),
    task: of(one.task),
    agent_id: of(one.agent_id),
    agent_name: of(one.agent_name),
    workspace: of(one.workspace),
    actor: text(one.actor),
  }
}

function shorten(value: unknown, text: (text: string) => string): unknown {
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return value.map((one) => shorten(one, text))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [text(key), shorten(one, text)]))
}
