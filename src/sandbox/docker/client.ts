import type Docker from 'dockerode'
import { messageOf } from '../../core/errors.ts'
import type { Refusal } from '../port.ts'
import { unavailable } from '../refusal.ts'

/** A docker daemon that answers. */
export interface Daemon {
  readonly docker: Docker
  readonly info: DaemonInfo
}

/** The used part of the daemon's description of itself. */
interface DaemonInfo {
  readonly OSType: string
  readonly Runtimes?: Readonly<Record<string, unknown>>
  readonly SecurityOptions?: readonly string[]
}

/**
 * Connects to the daemon (docker's or podman's) of `DOCKER_HOST`, else of the usual socket. `timeoutMs` limits each answer, now
 * and later, in ms.
 */
export async function connect(timeoutMs?: number): Promise<Daemon | { readonly refusal: Refusal }> {
  const { default: Client } = await import('dockerode')
  const next = 'start docker, or let DOCKER_HOST name its socket (podman: podman system service)'
  try {
    const docker = new Client(timeoutMs === undefined ? {} : { timeout: timeoutMs })
    const info = (await docker.info()) as DaemonInfo
    if (info.OSType !== 'linux') return { refusal: unavailable(`docker runs ${info.OSType} containers here`, next) }
    return { docker, info }
  } catch (error) {
    return { refusal: unavailable(`no docker daemon answers (${messageOf(error)})`, next) }
  }
}

/** The HTTP status of a refused request; null for any other error. */
export function statusOf(error: unknown): number | null {
  const { statusCode } = (error ?? {}) as { statusCode?: unknown }
  return typeof statusCode === 'number' ? statusCode : null
}
