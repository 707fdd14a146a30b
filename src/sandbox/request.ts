import { isAbsolute } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { BACKENDS, type BackendName, type Network, type SandboxPolicy } from './port.ts'

/** A request for a sandbox. An absent field gets the backend's default, the strictest one where there is a choice. */
export type SandboxRequest = Pick<SandboxPolicy, 'access' | 'workspace'> &
  Partial<Omit<SandboxPolicy, 'access' | 'workspace'>>

/** Adds fields to a request. New fields replace old ones, except `read`, which is joined. */
export function withMore(
  request: SandboxRequest,
  more: Partial<Omit<SandboxRequest, 'access' | 'workspace'>>,
): SandboxRequest {
  return { ...request, ...more, read: [...(request.read ?? []), ...(more.read ?? [])] }
}

/** The host confines nothing, so its network is full. Elsewhere the network must be requested. */
const NETWORK: Readonly<Record<BackendName, Network>> = {
  host: { mode: 'full' },
  os: { mode: 'none' },
  docker: { mode: 'none' },
  e2b: { mode: 'none' },
}

/** The complete policy of a request on a backend. Throws `sandbox_policy` for paths that are not absolute. */
export function policyOf(backend: BackendName, request: SandboxRequest): SandboxPolicy {
  const policy: SandboxPolicy = {
    access: request.access,
    workspace: request.workspace,
    write: request.write ?? [],
    denyRead: request.denyRead ?? [],
    read: request.read ?? [],
    own: request.own ?? [],
    network: request.network ?? NETWORK[backend],
    resources: request.resources ?? { cpus: null, memoryBytes: null, pids: null, diskBytes: null },
    image: request.image ?? null,
    runtime: request.runtime ?? null,
  }
  for (const path of [policy.workspace, ...policy.write, ...policy.denyRead, ...policy.read, ...policy.own]) {
    if (isAbsolute(path) && !path.includes('\0')) continue
    throw new BelayError('sandbox_policy', `a sandbox is given absolute paths`, {
      expected: 'an absolute path',
      received: JSON.stringify(path),
    })
  }
  return policy
}

/** The name of a backend as its type; throws `sandbox_unknown`, which names the known ones. */
export function backendName(name: string): BackendName {
  const found = BACKENDS.find((one) => one === name)
  if (found !== undefined) return found
  throw new BelayError('sandbox_unknown', `there is no sandbox "${name}"`, {
    expected: `${BACKENDS.join(', ')} or auto`,
    received: name,
    next: 'belay doctor shows which of them work here',
  })
}
