import { isAbsolute } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { BACKENDS, type BackendName, type Network, type SandboxPolicy } from './port.ts'

/** What somebody asks of a sandbox. What is left out is the backend's own, and strictest where there is a choice. */
export type SandboxRequest = Pick<SandboxPolicy, 'access' | 'workspace'> &
  Partial<Omit<SandboxPolicy, 'access' | 'workspace'>>

/** A request with what else is asked for: it wins, but takes away nothing that is to be readable. */
export function withMore(
  request: SandboxRequest,
  more: Partial<Omit<SandboxRequest, 'access' | 'workspace'>>,
): SandboxRequest {
  return { ...request, ...more, read: [...(request.read ?? []), ...(more.read ?? [])] }
}

/** A host that confines nothing has its whole network; elsewhere nobody gets out unless it is asked for. */
const NETWORK: Readonly<Record<BackendName, Network>> = {
  host: { mode: 'full' },
  os: { mode: 'none' },
  docker: { mode: 'none' },
  e2b: { mode: 'none' },
}

/** The whole policy that a request is on a backend. Throws `sandbox_policy` for paths that are not absolute. */
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

/** The backend of this name as a type; throws `sandbox_unknown`, which names those that there are. */
export function backendName(name: string): BackendName {
  const found = BACKENDS.find((one) => one === name)
  if (found !== undefined) return found
  throw new BelayError('sandbox_unknown', `there is no sandbox "${name}"`, {
    expected: `${BACKENDS.join(', ')} or auto`,
    received: name,
    next: 'belay doctor shows which of them work here',
  })
}
