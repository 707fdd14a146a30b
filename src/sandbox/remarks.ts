import type { Sandbox } from './port.ts'

/**
 * What to tell people about a closed sandbox, one sentence each: what it removed from the workspace, what it refused to its
 * programs, and which of their changes could not be made here.
 */
export function sandboxRemarks(sandbox: Sandbox): readonly string[] {
  const removed = (sandbox.removed?.() ?? []).map(
    (what) => `the sandbox removed what git would have run for whoever works here next: ${what}`,
  )
  return [...removed, ...(sandbox.violations?.() ?? []), ...(sandbox.conflicts?.() ?? [])]
}
