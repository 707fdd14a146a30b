import { homedir } from 'node:os'
import { join } from 'node:path'
import type { OwnPaths } from '../port.ts'

/** The version that Belay is tested with, for both opencode's server and ACP. */
export const OPENCODE_TESTED = '1.18.33'

/**
 * Where opencode stores its login, settings, conversations and caches. Programs that it downloads are in `bin` and in the
 * cache.
 */
export function opencodePaths(env: Readonly<Record<string, string>>): OwnPaths {
  const home = env.HOME ?? homedir()
  // For XDG an empty variable is none.
  const data = join(env.XDG_DATA_HOME || join(home, '.local', 'share'), 'opencode')
  const config = join(env.XDG_CONFIG_HOME || join(home, '.config'), 'opencode')
  const state = join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'opencode')
  const cache = join(env.XDG_CACHE_HOME || join(home, '.cache'), 'opencode')
  return { settings: [config, cache, join(data, 'bin')], kept: [data, state], renewed: [] }
}
