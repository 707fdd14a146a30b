import { messageOf } from '../core/errors.ts'
import type { Config } from '../config/index.ts'
import { probePublishing } from '../publish/index.ts'
import type { Finding } from './doctor-finding.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Checks that the server to which events are published accepts them now. Never fails, because runs work without it. */
export async function publishFindings(config: Config | null, env: Environment): Promise<Finding[]> {
  const nats = config?.publish?.nats
  if (nats === undefined || nats.url === null) return []
  try {
    await probePublishing({ ...nats, url: nats.url }, env)
    return [{ name: 'publish', status: 'ok', message: `${nats.url} takes events`, next: null }]
  } catch (error) {
    return [
      {
        name: 'publish',
        status: 'warn',
        message: `${nats.url}: ${messageOf(error)}; runs go on without, and events follow when it answers`,
        next: 'look at publish.nats in the configuration, and at the BELAY_NATS_... variables',
      },
    ]
  }
}
