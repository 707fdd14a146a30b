import { dockerBackend } from './docker/index.ts'
import { e2bBackend } from './e2b/index.ts'
import { hostBackend } from './host/index.ts'
import { osBackend } from './os/index.ts'
import type { BackendName, SandboxBackend } from './port.ts'
import { backendName } from './request.ts'

const ALL: Readonly<Record<BackendName, SandboxBackend>> = {
  host: hostBackend,
  os: osBackend,
  docker: dockerBackend,
  e2b: e2bBackend,
}

/** The backend of this name; throws `sandbox_unknown`, which names the known ones. */
export function findBackend(name: string): SandboxBackend {
  return ALL[backendName(name)]
}
