import type { Sandbox } from './port.ts'

/** What is to be said to people of what a sandbox took away from the workspace, one sentence each; asked after it was closed. */
export function takenAway(sandbox: Sandbox): readonly string[] {
  return (sandbox.tookAway?.() ?? []).map(
    (what) => `the sandbox took away what git would have run for whoever works here next: ${what}`,
  )
}
