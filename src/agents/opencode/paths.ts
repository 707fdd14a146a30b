import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where opencode keeps its login, settings, conversations and caches. */
export function opencodePaths(env: Readonly<Record<string, string>>): readonly string[] {
  const home = env.HOME ?? homedir()
  const folders = [
    env.XDG_CONFIG_HOME ?? join(home, '.config'),
    env.XDG_DATA_HOME ?? join(home, '.local', 'share'),
    env.XDG_STATE_HOME ?? join(home, '.local', 'state'),
    env.XDG_CACHE_HOME ?? join(home, '.cache'),
  ]
  return folders.map((folder) => join(folder, 'opencode'))
}
