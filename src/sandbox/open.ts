import { findBackend } from './backends.ts'
import type { BackendName, Refusal, Sandbox } from './port.ts'
import { refusalError } from './refusal.ts'
import { policyOf, type SandboxRequest } from './request.ts'
import { canonicalPolicy } from './canonical.ts'

export interface Opened {
  readonly sandbox: Sandbox
  /** What the caller must tell the user: nothing is confined, although confinement is the default. null: nothing. */
  readonly warning: string | null
}

/**
 * Opens a sandbox. `auto` is `os` if that works, else `host` with a warning. Throws `sandbox_unknown`, `sandbox_policy`, or the
 * `sandbox_...` code of the backend's refusal. A policy that the chosen backend cannot enforce is refused, never weakened.
 */
export async function openSandbox(
  name: BackendName | 'auto' | (string & {}),
  request: SandboxRequest,
  signal: AbortSignal,
): Promise<Opened> {
  if (name !== 'auto') {
    const backend = findBackend(name)
    const asked = canonicalPolicy(policyOf(backend.name, request))
    const opened = 'refusal' in asked ? asked : await backend.open(asked.policy, signal)
    if ('refusal' in opened) throw refusalError(backend.name, opened.refusal)
    return { sandbox: opened.sandbox, warning: null }
  }
  const confined = findBackend('os')
  const refusal = await confined.probe()
  if (refusal === null) return openSandbox('os', request, signal)
  const { sandbox } = await openSandbox('host', request, signal)
  return { sandbox, warning: unconfined(refusal) }
}

function unconfined({ message, next }: Refusal): string {
  return `commands run unconfined: no sandbox here, ${message}${next === null ? '' : ` (${next})`}`
}
