import { BelayError } from '../core/errors.ts'
import type { BackendName, Network, Refusal, SandboxPolicy } from './port.ts'

/** A tool, service or kernel feature that the backend needs is missing. */
export function unavailable(message: string, next: string | null = null): Refusal {
  return { code: 'sandbox_unavailable', message, next }
}

/** The backend works, but cannot enforce this policy. */
export function unenforceable(message: string, next: string | null = null): Refusal {
  return { code: 'sandbox_unenforceable', message, next }
}

/** The backend should have worked but did not. */
export function failed(message: string, next: string | null = null): Refusal {
  return { code: 'sandbox_failed', message, next }
}

/** A refusal as an error for people: exit status 2; nothing was started. */
export function refusalError(backend: BackendName, refusal: Refusal): BelayError {
  return new BelayError(
    refusal.code,
    `the sandbox "${backend}" was not opened: ${refusal.message}`,
    refusal.next === null ? {} : { next: refusal.next },
  )
}

/** What a policy can require that not every backend supports. */
export interface Abilities {
  readonly network: readonly Network['mode'][]
  readonly resources: readonly (keyof SandboxPolicy['resources'])[]
  readonly denyRead: boolean
  readonly image: boolean
  readonly runtime: boolean
}

const RESOURCE_WORDS = {
  cpus: 'a limit on cores',
  memoryBytes: 'a limit on memory',
  pids: 'a limit on processes',
  diskBytes: 'a limit on disk space',
} as const

/** Why a backend with these abilities cannot enforce `policy`, naming the first missing ability; null: it can. */
export function lacking(backend: BackendName, policy: SandboxPolicy, abilities: Abilities): Refusal | null {
  const no = (what: string, next: string | null = null): Refusal =>
    unenforceable(`${what} cannot be enforced by "${backend}"`, next)
  if (!abilities.network.includes(policy.network.mode)) {
    const asked = policy.network.mode === 'hosts' ? 'a list of hosts' : `network "${policy.network.mode}"`
    return no(asked, `use another sandbox, or network ${abilities.network.join(' or ')}`)
  }
  for (const [key, words] of Object.entries(RESOURCE_WORDS) as [keyof typeof RESOURCE_WORDS, string][]) {
    if (policy.resources[key] !== null && !abilities.resources.includes(key)) return no(words)
  }
  if (policy.denyRead.length > 0 && !abilities.denyRead) return no('hiding files')
  if (policy.image !== null && !abilities.image) return no('an image', 'images are for docker and e2b')
  if (policy.runtime !== null && !abilities.runtime) return no('a container runtime', 'runtimes are for docker')
  return null
}
