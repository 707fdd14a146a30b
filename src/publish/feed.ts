/** What is published: the events of a run, as in the record, or the lines of a session. */
import { hostname } from 'node:os'
import { listSessions, readEvents, type RecordStore, type RecordedEvent, type RunRow } from '../record/index.ts'
import type { Session, StoredEntry } from '../sessions/index.ts'
import { cursorFile } from './cursor.ts'
import type { Owner, SessionAgent } from './envelope.ts'

/** A sequence of events; each has a `seq` that never changes. */
export interface Feed {
  /** For people, e.g. `run R`. */
  readonly name: string
  /** Prefix of message ids; unique to this feed. */
  readonly key: string
  /** The file that says how far the feed was published. */
  readonly cursor: string
  readonly owner: Owner
  /** At most `limit` events, starting at `from`. */
  read(from: number, limit: number): Promise<readonly RecordedEvent[]>
  /** The agent of an event, as far as known by now; null: none. */
  agentOf(event: RecordedEvent): Promise<SessionAgent | null>
}

export function runFeed(record: RecordStore, run: Pick<RunRow, 'id' | 'project' | 'program'>): Feed {
  const agents = new Map<string, SessionAgent>()
  return {
    name: `run ${run.id}`,
    key: run.id,
    cursor: cursorFile(record.home, run.id),
    owner: { project: run.project, run: run.id, program: run.program, host: hostname() },
    read: (from, limit) => readEvents(record.read, { run: run.id, from, limit }),
    async agentOf({ session }) {
      if (session === null) return null
      const known = agents.get(session)
      if (known !== undefined) return known
      const row = (await listSessions(record.read, run.id)).find(({ id }) => id === session)
      if (row === undefined) return null
      const agent = { role: row.role, provider: row.provider, model: row.model, workspace: row.cwd }
      // the model may become known later
      if (agent.model !== null) agents.set(session, agent)
      return agent
    },
  }
}

/**
 * The feed of a session that this process holds. Users choose session ids and may reuse one after deleting its session, so the
 * key includes the creation time.
 */
export function sessionFeed(home: string, session: Session): Feed {
  const { id, createdAt } = session.meta
  const key = `${id}/${Date.parse(createdAt).toString(36)}`
  return {
    name: `session ${id}`,
    key,
    cursor: cursorFile(home, `session-${key.replace('/', '-')}`),
    owner: { project: null, run: null, program: null, host: hostname() },
    read(from, limit) {
      const found: RecordedEvent[] = []
      for (let seq = Math.max(1, from); seq <= session.entries.length && found.length < limit; seq++) {
        const entry = session.entries[seq - 1]
        const event = entry === undefined ? null : eventOf(id, seq, entry)
        if (event !== null) found.push(event)
      }
      return Promise.resolve(found)
    },
    agentOf({ seq }) {
      const turn = session.entries.slice(0, seq).findLast((entry) => entry.type === 'turn')
      if (turn?.type !== 'turn') return Promise.resolve(null)
      const { provider, model } = turn.agent
      return Promise.resolve({ role: provider, provider, model, workspace: turn.cwd })
    },
  }
}

/** Names events as `belay exec --json` does; null for lines that only the engine uses. */
function eventOf(session: string, seq: number, entry: StoredEntry): RecordedEvent | null {
  const event = (type: string, data: Record<string, unknown>, actor = 'belay'): RecordedEvent => {
    return { seq, time: entry.time, type, version: 1, project: null, run: null, task: null, session, actor, data }
  }
  switch (entry.type) {
    case 'history':
      return null
    case 'turn': {
      const { turn, prompt, cwd, agent } = entry
      return event('turn.started', { turn, prompt, cwd, agent: agent.provider, model: agent.model }, 'user')
    }
    case 'item': {
      const { kind, ...item } = entry.item as { readonly kind?: unknown }
      return event(`item.${typeof kind === 'string' ? kind : 'unknown'}`, { turn: entry.turn, ...item }, 'agent')
    }
    case 'native':
      return event('session.started', { provider: entry.provider, native: entry.native })
    case 'approval':
      return event('approval.answered', { turn: entry.turn, request: entry.request, answer: entry.answer })
    case 'turn_ended': {
      const { turn, status, finishReason, text, output, error, steps, usage, files, commits } = entry
      const { inputTokens, outputTokens, costUsd } = usage
      return event('turn.finished', {
        turn,
        status,
        finish_reason: finishReason,
        text,
        output,
        error,
        steps,
        usage: { input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: costUsd },
        files,
        commits,
      })
    }
    case 'cleared':
      return event('session.cleared', {})
  }
}
