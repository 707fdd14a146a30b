import { homedir } from 'node:os'
import { join } from 'node:path'
import type { OwnPaths } from '../port.ts'

/** Where pi stores its login, settings and conversations. */
export function piPaths(env: Readonly<Record<string, string>>): OwnPaths {
  const folder = folderOf(env) ?? join(homedir(), '.pi', 'agent')
  return { settings: [folder], kept: [join(folder, 'sessions')], renewed: [join(folder, 'auth.json')] }
}

/** pi's own folder, as far as the environment tells; null: unknown. */
export function folderOf(env: Readonly<Record<string, string>>): string | null {
  return env.PI_CODING_AGENT_DIR ?? (env.HOME === undefined ? null : join(env.HOME, '.pi', 'agent'))
}
