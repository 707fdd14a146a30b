import type { Sandbox } from './port.ts'

/**
 * What people are to be told of a sandbox that was closed, one sentence each: what it removed from the workspace, and what it
 * kept its programs from.
 */
export function sandboxRemarks(sandbox: Sandbox): readonly string[] {
  const removed = (sandbox.removed?.() ?? []).map(
    (what) => `the sandbox removed what git would have run for whoever works here next: ${what}`,
  )
  return [...removed, ...(sandbox.violations?.() ?? [])]
}
