import { statSync } from 'node:fs'
import { delimiter } from 'node:path'
import type Docker from 'dockerode'
import { messageOf } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import type { ProcessSpec } from '../../process/index.ts'
import { closedAfter } from '../closing.ts'
import type { GitGuards } from '../repositories/guards.ts'
import type { Refusal, Sandbox, SandboxBackend, SandboxPolicy } from '../port.ts'
import { Repositories } from '../repositories/repositories.ts'
import { failed, lacking, unavailable, unenforceable } from '../refusal.ts'
import { reachedBy } from '../os/cgroup.ts'
import { connect, statusOf, type Daemon } from './client.ts'
import { removeContainer, startContainer, sweep } from './container.ts'
import { execKept, type Box } from './exec.ts'
import { foldersOf, type Folders } from './folders.ts'
import { containerUser, type ContainerUser } from './user.ts'

/** Contains git, a compiler and the usual tools. Belay never pulls images. */
export const DEFAULT_IMAGE = 'buildpack-deps:stable'

const IMAGE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * A docker container (or podman, through its socket), always with a read-only root, without capabilities, new privileges and
 * network, and never as root. It ends when Belay does.
 */
export const dockerBackend: SandboxBackend = {
  name: 'docker',
  async probe() {
    const daemon = await connect()
    return 'refusal' in daemon ? daemon.refusal : null
  },
  async has(named) {
    const daemon = await connect()
    if ('refusal' in daemon) return daemon.refusal
    try {
      const found = await imageOf(named, daemon)
      return 'refusal' in found ? found.refusal : null
    } catch (error) {
      return failed(`docker does not tell of its images: ${messageOf(error)}`)
    }
  },
  async open(policy) {
    const lacks = lacking('docker', policy, {
      network: ['none'],
      resources: ['cpus', 'memoryBytes', 'pids'],
      denyRead: true,
      image: true,
      runtime: true,
    })
    if (lacks) return { refusal: lacks }
    if (!statSync(policy.workspace, { throwIfNoEntry: false })?.isDirectory()) {
      return { refusal: failed(`the workspace ${policy.workspace} is not a folder`) }
    }
    const daemon = await connect()
    if ('refusal' in daemon) return daemon
    const repositories = await Repositories.of(policy)
    const guards = repositories.guards()
    const release = repositories.hold(guards)
    let sandbox: Sandbox | null = null
    try {
      const folders = foldersOf(policy, guards)
      if (folders === null) return { refusal: unenforceable('the workspace is where an image has files of its own') }
      const opened = await openContainer(policy, { folders, guards, repositories, release }, daemon)
      if ('sandbox' in opened) sandbox = opened.sandbox
      return opened
    } finally {
      if (sandbox === null) release()
    }
  },
}

async function openContainer(
  policy: SandboxPolicy,
  ground: Ground,
  daemon: Daemon,
): Promise<{ sandbox: Sandbox } | { refusal: Refusal }> {
  const { docker, info } = daemon
  const image = policy.image ?? DEFAULT_IMAGE
  const rootless = info.SecurityOptions?.some((option) => option.includes('rootless')) ?? false
  const podman = await isPodman(docker)
  if (rootless && !podman) {
    return { refusal: unenforceable('docker without root cannot give the workspace to a user who is not root') }
  }
  const user = containerUser(policy)
  try {
    const found = await imageOf(policy, daemon)
    if ('refusal' in found) return found
    const { path } = found
    await sweep(docker)
    // First, clean up after a killed Belay.
    await user.disarm()
    await user.admit()
    const { container, line, seen } = await startContainer(docker, {
      id: randomId(12),
      policy,
      image,
      user: user.user,
      mounts: ground.folders.mounts,
      podman,
      userns: podman && rootless ? 'keep-id' : null,
    })
    const gone = container.wait().catch(() => {}) // it was removed, or the daemon has ended
    const box: Box = { container, umask: user.umask, seen, podman, gone, running: new Set() }
    return { sandbox: dockerSandbox({ policy, ...ground, box, line, path, user }) }
  } catch (error) {
    const said = messageOf(error)
    if (/exec: "\/bin\/sh"/.test(said)) {
      return { refusal: failed(`the image "${image}" has no /bin/sh`, 'use an image with a shell and the usual tools') }
    }
    return { refusal: failed(`docker refused the container: ${said}`) }
  }
}

/** What a container sees of this machine. */
interface Ground {
  readonly folders: Folders
  readonly guards: readonly GitGuards[]
  readonly repositories: Repositories
  /** Releases the placeholders that were created for the mounts. */
  readonly release: () => void
}

interface Opened extends Ground {
  readonly policy: SandboxPolicy
  readonly box: Box
  readonly line: NodeJS.ReadWriteStream
  readonly path: string
  readonly user: ContainerUser
}

function dockerSandbox(opened: Opened): Sandbox {
  const { policy, folders, guards, repositories, release, box, line, path, user } = opened
  let closed = false
  let reached: readonly string[] = []
  const seen = (place: string): string | null => (folders.isSeen(place) ? place : null)
  return {
    backend: 'docker',
    confined: true,
    policy,
    toInside: seen,
    toHost: seen,
    removed: () => repositories.removed,
    violations: () => reached,
    async spawn(spec) {
      if (closed) throw new Error('the sandbox was closed')
      if (seen(spec.cwd) === null) throw new Error(`${spec.cwd} is not to be seen in the sandbox`)
      await user.admit()
      const kept = await execKept(box, { ...spec, env: { ...environment(spec, path, seen), ...user.trust(spec.env) } })
      return closedAfter(kept, async () => {
        await repositories.settle(guards, () => {})
        await user.disarm()
      })
    },
    async close() {
      if (closed) return
      closed = true
      try {
        reached = await reachedLimits(box, policy)
        await removeContainer(box.container)
        await user.disarm()
        await repositories.settle(guards, release, true)
      } finally {
        line.end() // this also ends the container
      }
    },
  }
}

/** Limits of the container that were reached, as far as this machine's kernel enforces them. */
async function reachedLimits({ container, seen }: Box, { resources }: SandboxPolicy): Promise<readonly string[]> {
  const state = seen ? await container.inspect().catch(() => null) : null // gone, and its counters with it
  return state === null || state.State.Pid === 0 ? [] : reachedBy(state.State.Pid, resources)
}

/**
 * Adapts an environment to the container: PATH is the image's (after folders of the workspace), and HOME and TMPDIR are
 * writable.
 */
function environment(
  { env }: ProcessSpec,
  path: string,
  seen: (place: string) => string | null,
): Record<string, string> {
  const own = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/') && seen(folder) !== null)
  const home = env['HOME']
  return {
    ...env,
    PATH: [...own, path].join(delimiter),
    HOME: home !== undefined && seen(home) !== null ? home : '/tmp',
    ...(env['TMPDIR'] === undefined ? {} : { TMPDIR: '/tmp' }),
  }
}

/** The search path of the policy's image, or why the image or the runtime cannot be used. */
async function imageOf(
  named: Pick<SandboxPolicy, 'image' | 'runtime'>,
  { docker, info }: Daemon,
): Promise<{ path: string } | { refusal: Refusal }> {
  const { runtime } = named
  const image = named.image ?? DEFAULT_IMAGE
  if (runtime !== null && !Object.keys(info.Runtimes ?? {}).includes(runtime)) {
    return { refusal: unavailable(`docker has no runtime "${runtime}"`, 'install it, and name it in daemon.json') }
  }
  const path = await imagePath(docker, image)
  if (path !== null) return { path }
  const asked = named.image === null ? ', which is used when "image" names no other' : ''
  return { refusal: unavailable(`there is no image "${image}"${asked}`, `docker pull ${image}`) }
}

/** The search path that an image defines; null: there is no such image. */
async function imagePath(docker: Docker, image: string): Promise<string | null> {
  try {
    const { Config } = await docker.getImage(image).inspect()
    return Config.Env?.find((entry) => entry.startsWith('PATH='))?.slice(5) ?? IMAGE_PATH
  } catch (error) {
    if (statusOf(error) === 404) return null
    throw error
  }
}

async function isPodman(docker: Docker): Promise<boolean> {
  const version = (await docker.version()) as { Components?: readonly { Name: string }[] }
  return version.Components?.some(({ Name }) => /podman/i.test(Name)) ?? false
}
