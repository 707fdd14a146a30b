import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import { findWith, isAlive, thisHost, thisProcess } from '../../process/index.ts'
import type { SandboxPolicy } from '../port.ts'
import { statusOf } from './client.ts'

/** Labels by which a later Belay knows whose container it is. */
const LABEL = 'belay.sandbox'

/** In the environment of its first process: shows whether this machine's process table has it. */
const BOX = 'BELAY_BOX'

/** More would only be a runaway; a policy may ask for fewer, or more. */
const PIDS = 4096

/**
 * The first process of a container: ends when its stdin does, and with it everything in the container. The daemon closes it
 * when the connection of the Belay that attached to it goes, however it went. While it waits it takes away dead processes, and
 * it begins again when somebody killed what it waits for.
 */
const LIFELINE = 'until cat >/dev/null; do :; done'

export interface ContainerSpec {
  readonly id: string
  readonly policy: SandboxPolicy
  readonly image: string
  readonly user: string
  readonly mounts: Docker.MountConfig
  /** The daemon is podman: it fills folders in memory with what is beneath them unless it is told not to. */
  readonly podman: boolean
  /** Podman without root: maps this user to itself. */
  readonly userns: string | null
}

/** What is asked of the daemon; the escape suite and the docs rely on every line of it. */
export function containerRequest(spec: ContainerSpec): Docker.ContainerCreateOptions {
  const { policy, image, user, podman, userns } = spec
  const { mounts, tmpfs } = podman ? asOptions(spec.mounts) : { mounts: spec.mounts, tmpfs: {} }
  const { cpus, memoryBytes, pids } = policy.resources
  const me = thisProcess()
  const { host, boot } = thisHost()
  return {
    name: `belay-${spec.id}`,
    Image: image,
    Entrypoint: ['/bin/sh', '-c', LIFELINE],
    Cmd: [],
    User: user,
    WorkingDir: '/',
    Env: [`${BOX}=${spec.id}`],
    Labels: {
      [LABEL]: '1',
      'belay.host': host,
      'belay.boot': boot,
      'belay.pid': String(me.pid),
      'belay.start': me.startTime,
    },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    HostConfig: {
      AutoRemove: true,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      NetworkMode: 'none',
      IpcMode: 'private',
      Mounts: mounts,
      Tmpfs: { '/tmp': `rw,nosuid,nodev,exec,mode=1777${podman ? `,${EMPTY}` : ''}`, ...tmpfs },
      LogConfig: { Type: 'none', Config: {} },
      PidsLimit: pids ?? PIDS,
      ...(memoryBytes === null ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpus === null ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      ...(policy.runtime === null ? {} : { Runtime: policy.runtime }),
      ...(userns === null ? {} : { UsernsMode: userns }),
    },
  }
}

/** Podman's word for: not with the files that are beneath. Only in lists of options can it be said. */
const EMPTY = 'notmpcopyup'

/** Mounts with those in memory as options. */
function asOptions(all: Docker.MountConfig): { mounts: Docker.MountConfig; tmpfs: Record<string, string> } {
  const inMemory = all.filter(({ Type }) => Type === 'tmpfs')
  const options = inMemory.map(({ Target, ReadOnly, TmpfsOptions }) => {
    const { SizeBytes = 0, Mode = 0 } = TmpfsOptions ?? {}
    const how = `${ReadOnly ? 'ro' : 'rw'},nosuid,nodev,noexec,size=${SizeBytes},mode=${Mode.toString(8)},${EMPTY}`
    return [Target, how] as const
  })
  return { mounts: all.filter((mount) => !inMemory.includes(mount)), tmpfs: Object.fromEntries(options) }
}

/** Starts a container that lives as long as the connection that is given back. */
export async function startContainer(docker: Docker, spec: ContainerSpec) {
  const container = await docker.createContainer(containerRequest(spec))
  let line: NodeJS.ReadWriteStream | null = null
  try {
    line = await container.attach({ stream: true, hijack: true, stdin: true })
    line.on('error', () => {}) // it goes with the container, whose end is seen in every exec
    line.resume()
    await container.start()
    return { container, line, seen: await isSeen(spec.id) }
  } catch (error) {
    // Without its container it would stay, and Belay with it.
    line?.end()
    ;(line as Duplex | null)?.destroy()
    await removeContainer(container)
    throw error
  }
}

/** The first process takes its environment a moment after it was started. */
async function isSeen(id: string): Promise<boolean> {
  for (let round = 0; round < 50; round++) {
    if (findWith(BOX, (value) => value === id).length > 0) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

/** Removes a container with everything in it; one that is gone or going is what was wanted. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true })
  } catch (error) {
    if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
  }
}

/** Removes containers of Belays on this machine that are dead, and says how many. */
export async function sweep(docker: Docker): Promise<number> {
  const { host, boot } = thisHost()
  const all = await docker.listContainers({ all: true, filters: { label: [LABEL, `belay.host=${host}`] } })
  const left = all.filter(({ Labels }) => {
    const owner = { pid: Number(Labels['belay.pid']), startTime: Labels['belay.start'] ?? '' }
    return Labels['belay.boot'] !== boot || !isAlive(owner)
  })
  for (const { Id } of left) await removeContainer(docker.getContainer(Id))
  return left.length
}
