import type { Sandbox } from './port.ts'

/**
 * What to tell people about a closed sandbox, one sentence each: what it removed from the workspace, and what it refused to its
 * programs.
 */
export function sandboxRemarks(sandbox: Sandbox): readonly string[] {
  const removed = (sandbox.removed?.() ?? []).map(
    (what) => `the sandbox removed what git would have run for whoever works here next: ${what}`,
  )
  return [...removed, ...(sandbox.violations?.() ?? [])]
}
