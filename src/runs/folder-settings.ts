import type { Config } from '../config/index.ts'
import { configFor } from '../exec/settings.ts'
import type { NatsPublishing } from '../publish/index.ts'

/** What holds for all work in a folder, with or without a repository. Only what is said is there. */
export interface FolderSettings {
  /** Where its events go beside the record. */
  readonly publish?: NatsPublishing
  /** Rules for commands of its agents. */
  readonly policy?: NonNullable<Config['policy']>
  /** How long a person is waited for. */
  readonly approvals?: NonNullable<Config['approvals']>
  /** Model services of one's own. */
  readonly providers?: NonNullable<Config['providers']>
}

/** What belay.yaml around `folder`, or the user's own file, says of all work in it. Throws `config_invalid`. */
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
