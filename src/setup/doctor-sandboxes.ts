import type { Config, SandboxConfig } from '../config/index.ts'
import { BACKENDS, findBackend, type BackendName, type Refusal } from '../sandbox/index.ts'
import type { Finding } from './doctor-finding.ts'

/** One finding per sandbox: whether it works here. One that the configuration uses must work. */
export async function sandboxFindings(config: Config | null): Promise<Finding[]> {
  const roles = config === null ? [] : Object.values(config.workflow.roles)
  const named = [...roles.map(({ sandbox }) => sandbox), config?.verify.sandbox].filter((one) => one != null)
  const confining = BACKENDS.filter((name) => name !== 'host')
  return Promise.all(
    confining.map(async (name) => {
      const uses = named.filter(({ backend }) => backend === name)
      return finding(name, (await findBackend(name).probe()) ?? (await missingIn(name, uses)), uses.length > 0)
    }),
  )
}

/** The first configured image or runtime that is missing, or null. */
async function missingIn(name: BackendName, uses: readonly SandboxConfig[]): Promise<Refusal | null> {
  for (const one of uses) {
    const missing = await findBackend(name).has?.(one)
    if (missing != null) return missing
  }
  return null
}

function finding(backend: BackendName, refusal: Refusal | null, used: boolean): Finding {
  const name = `sandbox (${backend})`
  if (refusal === null) return { name, status: 'ok', message: used ? 'works' : 'works, not used', next: null }
  if (used) return { name, status: 'fail', message: refusal.message, next: refusal.next ?? 'use another sandbox' }
  // Without the os sandbox, belay exec runs commands unconfined.
  if (backend === 'os') return { name, status: 'warn', message: refusal.message, next: refusal.next }
  return { name, status: 'ok', message: `not here, and not used: ${refusal.message}`, next: null }
}
