import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SandboxRequest } from '../../sandbox/index.ts'
import type { Agent } from '../port.ts'

/**
 * The request for the sandbox of an agent's program, without access and workspace: what `more` asks for, the agent's own paths,
 * and the network unless `more` says otherwise, because without it no agent reaches its model.
 */
export function programRequest(
  agent: Agent,
  env: Readonly<Record<string, string>>,
  command: readonly string[] | null,
  more: Partial<Omit<SandboxRequest, 'access' | 'workspace'>>,
): Omit<SandboxRequest, 'access' | 'workspace'> {
  const { own, read, write } = sandboxPaths(agent, env, command)
  return {
    network: { mode: 'full' },
    ...more,
    own,
    read: [...read, ...(more.read ?? [])],
    write: [...write, ...(more.write ?? [])],
  }
}

/**
 * The agent's own paths as a sandbox request: settings are read-only, conversations and logins are writable. Creates the
 * folders of conversations, because only existing paths can be shared.
 */
function sandboxPaths(
  agent: Agent,
  env: Readonly<Record<string, string>>,
  command: readonly string[] | null,
): Required<Pick<SandboxRequest, 'own' | 'read' | 'write'>> {
  const paths = agent.ownPaths?.(env, command)
  if (paths === undefined) return { own: [], read: [], write: [] }
  for (const folder of paths.kept) {
    // The agent would create the folder itself, and on its first start the parent folder too.
    if (existsSync(dirname(dirname(folder)))) mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  // A protected path inside a folder that is kept must exist, so that it can be protected.
  for (const path of paths.settings)
    if (paths.kept.includes(dirname(path)) && existsSync(dirname(path))) mkdirSync(path, { recursive: true })
  const files = paths.settings.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
  return {
    own: paths.settings.filter((path) => !files.includes(path)),
    read: [...files, ...(paths.read ?? [])],
    write: [...paths.kept, ...paths.renewed],
  }
}
