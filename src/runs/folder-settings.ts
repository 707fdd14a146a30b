import type { Config } from '../config/index.ts'
import { configFor } from '../exec/settings.ts'
import type { NatsPublishing } from '../publish/index.ts'

/** The settings for all work in a folder, with or without a repository. Only configured keys are present. */
export interface FolderSettings {
  /** Where events are published in addition to the record. */
  readonly publish?: NatsPublishing
  /** Command rules for the agents. */
  readonly policy?: NonNullable<Config['policy']>
  /** How long questions wait for a person. */
  readonly approvals?: NonNullable<Config['approvals']>
  /** The user's own model services. */
  readonly providers?: NonNullable<Config['providers']>
}

/** The settings for work in `folder`, from the belay.yaml around it or from the user's own file. Throws `config_invalid`. */
export async function folderSettings(
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<FolderSettings> {
  const config = await configFor(folder, env)
  if (config === null) return {}
  const { policy, approvals, providers } = config
  const nats = config.publish?.nats
  const hasRules =
    policy !== undefined && (policy.presets.length > 0 || Object.values(policy.commands).flat().length > 0)
  return {
    ...(nats === undefined || nats.url === null ? {} : { publish: nats }),
    ...(policy !== undefined && hasRules ? { policy } : {}),
    ...(approvals === undefined || approvals.waitMs === null ? {} : { approvals }),
    ...(providers === undefined || Object.keys(providers).length === 0 ? {} : { providers }),
  }
}
