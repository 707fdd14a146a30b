import type { Config } from '../config/index.ts'
import { BACKENDS, findBackend, type BackendName, type Refusal } from '../sandbox/index.ts'
import type { Finding } from './doctor-finding.ts'

/** One finding per sandbox: whether it works here. One that the configuration uses must. */
export async function sandboxFindings(config: Config | null): Promise<Finding[]> {
  const roles = config === null ? [] : Object.values(config.workflow.roles)
  const used = new Set([...roles.map((role) => role.sandbox?.backend), config?.verify.sandbox?.backend])
  const confining = BACKENDS.filter((name) => name !== 'host')
  return Promise.all(confining.map(async (name) => finding(name, await findBackend(name).probe(), used.has(name))))
}

function finding(backend: BackendName, refusal: Refusal | null, used: boolean): Finding {
  const name = `sandbox (${backend})`
  if (refusal === null) return { name, status: 'ok', message: used ? 'works' : 'works, not used', next: null }
  if (used) return { name, status: 'fail', message: refusal.message, next: refusal.next ?? 'use another sandbox' }
  // Without it belay exec runs commands unconfined.
  if (backend === 'os') return { name, status: 'warn', message: refusal.message, next: refusal.next }
  return { name, status: 'ok', message: `not here, and not used: ${refusal.message}`, next: null }
}
