import { configFor } from '../exec/settings.ts'
import type { NatsPublishing } from '../publish/index.ts'

/**
 * Where the events of work in `folder` go, as belay.yaml of the project or the user's own says; nothing where neither does. Throws
 * `config_invalid`.
 */
export async function publishingOf(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly publish?: NatsPublishing }> {
  const nats = (await configFor(folder, env))?.publish?.nats
  return nats === undefined || nats.url === null ? {} : { publish: nats }
}
