import type { RecordStore, RunRow } from '../record/index.ts'
import { openNats } from './nats.ts'
import { Publisher, type PublishConfig } from './publisher.ts'

export type { PublishConfig } from './publisher.ts'

/** What a configuration says about publishing; `url` null: nothing is published. */
export interface NatsPublishing extends PublishConfig {
  readonly url: string | null
}

export interface Publishing {
  /** Publishes what there is, for a bounded time, and ends. Never throws. */
  stop(): Promise<void>
}

/** Begins to publish the events of a run, as far as the configuration wants that. Costs nothing when it does not. */
export function publishRun(
  record: RecordStore,
  run: RunRow,
  nats: NatsPublishing | undefined,
  env: Readonly<Record<string, string | undefined>>,
  note: (text: string) => void,
): Publishing {
  const url = nats?.url ?? null
  if (nats === undefined || url === null) return { stop: () => Promise.resolve() }
  return new Publisher({
    record,
    run,
    config: nats,
    env,
    server: url,
    note,
    open: (signal) => openNats({ url }, env, signal),
  })
}
