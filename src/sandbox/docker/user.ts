import { execFile } from 'node:child_process'
import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync, rmSync, statSync, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { SYSTEM_PATH } from '../os/environment.ts'
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
  /**
   * Takes the set-user-id and set-group-id bits from files that programs made: on this machine, outside of the container, they
   * would run as the files' owner and group. Safe to repeat.
   */
  disarm(): Promise<void>
}

const NOBODY = 65534

const FIND_ENV = { PATH: SYSTEM_PATH, LC_ALL: 'C' }

/** The clock of file systems lags behind. */
const LAG_MS = 100

/**
 * The owner of the workspace; where that is root, nobody in root's group (which is nothing in a container), and the files are
 * given the group's rights. git knows only whether a file can be executed by its owner: it sees no change.
 */
export function containerUser(policy: SandboxPolicy): ContainerUser {
  const { uid, gid } = statSync(policy.workspace)
  const readOnly = policy.access === 'read-only'
  const writable = readOnly ? policy.write : [policy.workspace, ...policy.write]
  if (uid !== 0) {
    // The files are the user's, made by whoever: only what changed meanwhile.
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
    // All that is nobody's was made in a container.
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
    // Nobody can read it, and its mode could only be set through what might be a link by then.
    if (is !== undefined && is.isFile() && (is.mode & 0o6000) !== 0 && isTheirs(is)) rmSync(path, { force: true })
  }
}

/** Not through a link: another program may still run. */
function openIfThere(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return null // gone, or something else by now
  }
}

/** What \`find\` says; that something went while it looked is no failure. */
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
