import { messageOf } from '../core/errors.ts'
import type { RecordStore, RunRow } from '../record/index.ts'
import type { Session } from '../sessions/index.ts'
import { runFeed, sessionFeed, type Feed } from './feed.ts'
import { openNats } from './nats.ts'
import { redactor } from './redact.ts'
import { Publisher, type PublishConfig } from './publisher.ts'

/** The configuration for publishing; `url` null: nothing is published. */
export interface NatsPublishing extends PublishConfig {
  readonly url: string | null
  /** `subject` for sessions outside of runs; absent in runs that an older version stored. */
  readonly sessionSubject?: string
}

export interface Publishing {
  /** Publishes the rest, for a bounded time, and ends. Never throws. */
  stop(): Promise<void>
}

type Environment = Readonly<Record<string, string | undefined>>

const NOTHING: Publishing = { stop: () => Promise.resolve() }

/** Starts to publish the events of a run if the configuration says so. Costs nothing otherwise. */
export function publishRun(
  record: RecordStore,
  run: RunRow,
  nats: NatsPublishing | undefined,
  env: Environment,
  note: (text: string) => void,
): Publishing {
  return nats === undefined ? NOTHING : publish(runFeed(record, run), nats, env, note)
}

/** Like `publishRun`, for the lines of a session that this process holds. */
export function publishSession(
  home: string,
  session: Session,
  nats: NatsPublishing,
  env: Environment,
  note: (text: string) => void,
): Publishing {
  const { sessionSubject: subject = nats.subject } = nats
  return publish(sessionFeed(home, session), { ...nats, subject }, env, note)
}

const PROBE_MS = 10_000

/**
 * Connects to the server as a run would, and disconnects without publishing. Throws what would keep events from being
 * published, with secrets removed.
 */
export async function probePublishing(
  nats: NatsPublishing & { readonly url: string },
  env: Environment,
): Promise<void> {
  try {
    const outlet = await openNats({ url: nats.url }, env, AbortSignal.timeout(PROBE_MS))
    try {
      await outlet.confirm()
    } finally {
      await outlet.close()
    }
  } catch (error) {
    throw new Error(redactor(env)(messageOf(error)), { cause: error })
  }
}

function publish(feed: Feed, nats: NatsPublishing, env: Environment, note: (text: string) => void): Publishing {
  const { url } = nats
  if (url === null) return NOTHING
  return new Publisher({ feed, config: nats, env, server: url, note, open: (signal) => openNats({ url }, env, signal) })
}
