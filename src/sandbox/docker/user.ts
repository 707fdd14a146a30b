import { execFile } from 'node:child_process'
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, rmSync, statSync, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { SYSTEM_PATH } from '../os/environment.ts'
import type { SandboxPolicy } from '../port.ts'

/** The user as which programs in a container run; never root. */
export interface ContainerUser {
  readonly user: string
  /** Umask for programs; 002 if the group must be able to write new files. */
  readonly umask: string
  /** Environment variables that let git work in another user's files; to be added to `env`. */
  trust(env: Readonly<Record<string, string>>): Record<string, string>
  /** Lets the user write the workspace's files. Safe to repeat. */
  admit(): Promise<void>
  /**
   * Removes set-user-id and set-group-id bits from files that programs created. On this machine, outside the container, such
   * files would run as their owner and group. Safe to repeat.
   */
  disarm(): Promise<void>
}

const NOBODY = 65534

const FIND_ENV = { PATH: SYSTEM_PATH, LC_ALL: 'C' }

/** Timestamps of file systems may lag behind the clock by this. */
const LAG_MS = 100

/**
 * The owner of the workspace. If that is root: nobody in root's group (which has no privileges in a container), and the files
 * get permissions for the group. Git sees no change, because it tracks only whether the owner can execute a file.
 */
export function containerUser(policy: SandboxPolicy): ContainerUser {
  const { uid, gid } = statSync(policy.workspace)
  const readOnly = policy.access === 'read-only'
  const writable = readOnly ? policy.write : [policy.workspace, ...policy.write]
  if (uid !== 0) {
    // The files are the user's, whoever created them, so only those that changed since are treated.
    const opened = Date.now() - LAG_MS
    return {
      user: `${uid}:${gid}`,
      umask: '022',
      trust: () => ({}),
      admit: () => Promise.resolve(),
      disarm: () => disarm(writable, ({ ctimeMs }) => ctimeMs >= opened),
    }
  }
  return {
    user: `${NOBODY}:0`,
    umask: '002',
    trust: (env) => withSafeDirectory(Number(env['GIT_CONFIG_COUNT'] ?? 0)),
    async admit() {
      if (readOnly) await grant([policy.workspace], '-040', 'g+rX')
      await grant(writable, '-060', 'g+rwX')
    },
    // Every file that belongs to nobody was created in a container.
    disarm: () => disarm(writable, (file) => file.uid === NOBODY),
  }
}

async function grant(folders: readonly string[], wanted: string, rights: string): Promise<void> {
  await find(folders, ['!', '-type', 'l', '!', '-perm', wanted, '-exec', 'chmod', rights, '{}', '+'])
}

async function disarm(folders: readonly string[], isTheirs: (file: Stats) => boolean): Promise<void> {
  const found = await find(folders, ['-type', 'f', '(', '-perm', '-4000', '-o', '-perm', '-2000', ')', '-print0'])
  for (const path of found.split('\0').filter((one) => one !== '')) {
    const file = openIfThere(path)
    if (file !== null) {
      const is = fstatSync(file)
      if (is.isFile() && isTheirs(is)) fchmodSync(file, is.mode & 0o777)
      closeSync(file)
      continue
    }
    const is = lstatSync(path, { throwIfNoEntry: false })
    // Nobody can read the file, and setting its mode by path could follow a link that has replaced it.
    if (is !== undefined && is.isFile() && (is.mode & 0o6000) !== 0 && isTheirs(is)) rmSync(path, { force: true })
  }
}

/** Opens a file, never through a link, because another program may still be running. */
function openIfThere(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return null // gone, or something else by now
  }
}

/** Output of `find`. Files that disappear during the search are no failure. */
async function find(folders: readonly string[], words: readonly string[]): Promise<string> {
  if (folders.length === 0) return ''
  try {
    return (await promisify(execFile)('find', [...folders, ...words], { maxBuffer: 1 << 26, env: FIND_ENV })).stdout
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string }
    const said = stderr.split('\n').filter((line) => line !== '')
    if (said.length === 0 || said.some((line) => !line.endsWith('No such file or directory'))) throw error
    return stdout
  }
}

function withSafeDirectory(count: number): Record<string, string> {
  return {
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: 'safe.directory',
    [`GIT_CONFIG_VALUE_${count}`]: '*',
  }
}
