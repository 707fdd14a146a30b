import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SandboxRequest } from '../../sandbox/index.ts'
import type { Agent } from '../port.ts'

/**
 * What an agent's own paths are in a sandbox: settings are read and stay as they are, conversations and logins are written.
 * Makes the folders of conversations, because only what is there can be shared.
 */
export function sandboxPaths(
  agent: Agent,
  env: Readonly<Record<string, string>>,
  command: readonly string[] | null,
): Required<Pick<SandboxRequest, 'own' | 'read' | 'write'>> {
  const paths = agent.ownPaths?.(env, command)
  if (paths === undefined) return { own: [], read: [], write: [] }
  for (const folder of paths.kept) {
    // The agent would make them itself, and its own folder too when it is started for the first time.
    if (existsSync(dirname(dirname(folder)))) mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  // In a folder that is kept, what must not be changed is held by a folder.
  for (const path of paths.settings)
    if (paths.kept.includes(dirname(path)) && existsSync(dirname(path))) mkdirSync(path, { recursive: true })
  const files = paths.settings.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
  return {
    own: paths.settings.filter((path) => !files.includes(path)),
    read: [...files, ...(paths.read ?? [])],
    write: [...paths.kept, ...paths.renewed],
  }
}
