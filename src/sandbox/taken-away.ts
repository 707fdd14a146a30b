import type { Sandbox } from './port.ts'

/**
 * What is to be said to people of a sandbox, one sentence each: what it took away from the workspace, and what it kept its
 * programs from. Asked after it was closed.
 */
export function takenAway(sandbox: Sandbox): readonly string[] {
  const took = (sandbox.tookAway?.() ?? []).map(
    (what) => `the sandbox took away what git would have run for whoever works here next: ${what}`,
  )
  return [...took, ...(sandbox.noted?.() ?? [])]
}
