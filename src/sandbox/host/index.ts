import { statSync } from 'node:fs'
import { spawnKept } from '../../process/index.ts'
import type { Sandbox, SandboxBackend, SandboxPolicy } from '../port.ts'
import { failed, lacking } from '../refusal.ts'

/**
 * No confinement: programs run as the user does. Only the agent's own tools and the command policy then enforce `access`;
 * anything else that a policy may require is refused.
 */
export const hostBackend: SandboxBackend = {
  name: 'host',
  probe: () => Promise.resolve(null),
  open(policy) {
    const refusal = lacking('host', policy, {
      network: ['full'],
      resources: [],
      denyRead: false,
      image: false,
      runtime: false,
    })
    if (refusal) return Promise.resolve({ refusal })
    if (!statSync(policy.workspace, { throwIfNoEntry: false })?.isDirectory()) {
      return Promise.resolve({ refusal: failed(`the workspace ${policy.workspace} is not a folder`) })
    }
    return Promise.resolve({ sandbox: hostSandbox(policy) })
  },
}

function hostSandbox(policy: SandboxPolicy): Sandbox {
  const running = new Set<{ end(): Promise<unknown> }>()
  let closed = false
  return {
    backend: 'host',
    confined: false,
    policy,
    toInside: (path) => path,
    toHost: (path) => path,
    async spawn(spec) {
      if (closed) throw new Error('the sandbox was closed')
      const kept = spawnKept(spec)
      running.add(kept)
      void kept.closed.then(() => running.delete(kept))
      return kept
    },
    async close() {
      closed = true
      await Promise.all([...running].map((kept) => kept.end()))
    },
  }
}
