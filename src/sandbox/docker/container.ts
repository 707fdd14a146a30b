import type { Duplex } from 'node:stream'
import type Docker from 'dockerode'
import { findWith, isAlive, thisHost, thisProcess } from '../../process/index.ts'
import type { SandboxPolicy } from '../port.ts'
import { statusOf } from './client.ts'

/** The label by which Belay finds its containers; further labels name their owner. */
const LABEL = 'belay.sandbox'

/** Environment variable of the first process; shows whether this machine's process table contains it. */
const BOX = 'BELAY_BOX'

/** The default limit on processes, against runaways. A policy may set a lower or a higher one. */
const PIDS = 4096

/**
 * The first process of a container. It ends when its stdin does, and with it everything in the container. The daemon closes
 * that stdin when the connection of the attached Belay ends, for whatever reason. While waiting, the shell reaps dead
 * processes, and it restarts `cat` if that was killed.
 */
const LIFELINE = 'until cat >/dev/null; do :; done'

export interface ContainerSpec {
  readonly id: string
  readonly policy: SandboxPolicy
  readonly image: string
  readonly user: string
  readonly mounts: Docker.MountConfig
  /** Whether the daemon is podman, which copies underlying files into tmpfs mounts unless told not to. */
  readonly podman: boolean
  /** User namespace mode; for rootless podman, which then maps the user to itself. */
  readonly userns: string | null
}

/** The request to the daemon. The escape suite and the docs rely on every line of it. */
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

/** Podman's option against copying the underlying files. It can only be given in option lists. */
const EMPTY = 'notmpcopyup'

/** Splits mounts: tmpfs mounts become option lists, the others stay. */
function asOptions(all: Docker.MountConfig): { mounts: Docker.MountConfig; tmpfs: Record<string, string> } {
  const inMemory = all.filter(({ Type }) => Type === 'tmpfs')
  const options = inMemory.map(({ Target, ReadOnly, TmpfsOptions }) => {
    const { SizeBytes = 0, Mode = 0 } = TmpfsOptions ?? {}
    const how = `${ReadOnly ? 'ro' : 'rw'},nosuid,nodev,noexec,size=${SizeBytes},mode=${Mode.toString(8)},${EMPTY}`
    return [Target, how] as const
  })
  return { mounts: all.filter((mount) => !inMemory.includes(mount)), tmpfs: Object.fromEntries(options) }
}

/** Starts a container that lives as long as the returned connection (`line`). */
export async function startContainer(docker: Docker, spec: ContainerSpec) {
  const container = await docker.createContainer(containerRequest(spec))
  let line: NodeJS.ReadWriteStream | null = null
  try {
    line = await container.attach({ stream: true, hijack: true, stdin: true })
    line.on('error', () => {}) // it ends with the container, whose end every exec notices
    line.resume()
    await container.start()
    return { container, line, seen: await isSeen(spec.id) }
  } catch (error) {
    // Without its container, the connection would stay open and keep Belay running.
    line?.end()
    ;(line as Duplex | null)?.destroy()
    await removeContainer(container)
    throw error
  }
}

/** Repeats, because the environment of the first process is visible only a moment after its start. */
async function isSeen(id: string): Promise<boolean> {
  for (let round = 0; round < 50; round++) {
    if (findWith(BOX, (value) => value === id).length > 0) return true
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

/** Removes a container with everything in it. One that is already removed or being removed is no error. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    await container.remove({ force: true })
  } catch (error) {
    if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
  }
}

/** Removes the containers of dead Belay processes on this machine, and returns how many. */
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
