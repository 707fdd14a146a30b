import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { promisify } from 'node:util'
import type { SandboxPolicy } from '../port.ts'

/** Who programs in a container are: never root. */
export interface ContainerUser {
  readonly user: string
  /** New files are for the group, too. */
  readonly umask: string
  /** Lets git work in what is another's; added to an environment. */
  trust(env: Readonly<Record<string, string>>): Record<string, string>
  /** Lets the user write what is the workspace's; safe to repeat. */
  admit(): Promise<void>
}

const NOBODY = 65534

/**
 * The owner of the workspace; where that is root, nobody in root's group (which is nothing in a container), and the files are
 * given the group's rights. git knows only whether a file can be executed by its owner: it sees no change.
 */
export function containerUser(policy: SandboxPolicy): ContainerUser {
  const { uid, gid } = statSync(policy.workspace)
  if (uid !== 0) return { user: `${uid}:${gid}`, umask: '022', trust: () => ({}), admit: () => Promise.resolve() }
  const readOnly = policy.access === 'read-only'
  return {
    user: `${NOBODY}:0`,
    umask: '002',
    trust: (env) => withSafeDirectory(Number(env['GIT_CONFIG_COUNT'] ?? 0)),
    async admit() {
      if (readOnly) await grant([policy.workspace], '-040', 'g+rX')
      await grant(readOnly ? policy.write : [policy.workspace, ...policy.write], '-060', 'g+rwX')
    },
  }
}

async function grant(folders: readonly string[], wanted: string, rights: string): Promise<void> {
  if (folders.length === 0) return
  const args = [...folders, '!', '-type', 'l', '!', '-perm', wanted, '-exec', 'chmod', rights, '{}', '+']
  await promisify(execFile)('find', args, { maxBuffer: 1 << 24 })
}

function withSafeDirectory(count: number): Record<string, string> {
  return {
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: 'safe.directory',
    [`GIT_CONFIG_VALUE_${count}`]: '*',
  }
}
