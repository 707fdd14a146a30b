import { dockerBackend } from './docker/index.ts'
import { hostBackend } from './host/index.ts'
import { osBackend } from './os/index.ts'
import type { BackendName, SandboxBackend } from './port.ts'
import { unavailable } from './refusal.ts'
import { backendName } from './request.ts'

const later = (name: BackendName): SandboxBackend => {
  const refusal = unavailable(`"${name}" is not built yet`)
  return { name, probe: () => Promise.resolve(refusal), open: () => Promise.resolve({ refusal }) }
}

const ALL: Readonly<Record<BackendName, SandboxBackend>> = {
  host: hostBackend,
  os: osBackend,
  docker: dockerBackend,
  e2b: later('e2b'),
}

/** The backend of this name; throws `sandbox_unknown`, which names those that there are. */
export function findBackend(name: string): SandboxBackend {
  return ALL[backendName(name)]
}
