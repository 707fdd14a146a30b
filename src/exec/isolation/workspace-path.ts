import { join } from 'node:path'
import { checkSessionId } from '../../sessions/index.ts'

export const WORKSPACE_MODES = ['per-workflow', 'per-run', 'shared'] as const
export type WorkspaceMode = (typeof WORKSPACE_MODES)[number]

/** Who a workspace is for; null: not part of such a thing. Ids are checked: they become folder names. */
export interface WorkspaceOwner {
  readonly session: string | null
  readonly workflowRun: string | null
  readonly agentRun: string | null
}

/** Where workspaces of sessions, workflow runs and agent runs are. */
export function workspacesBase(home: string): string {
  return join(home, 'workspaces')
}

/**
 * The folder of a workspace: `BASE/session/ID` for a session, else `BASE/workflow/ID` for a workflow's run (its agents share
 * it), else `BASE/run/ID` for one agent's run. `per-run` gives each agent's run its own whatever it belongs to; `shared`, or
 * nobody, is `BASE` itself. Throws `session_id_invalid`.
 */
export function resolveWorkspace(base: string, owner: WorkspaceOwner, mode: WorkspaceMode = 'per-workflow'): string {
  const { session, workflowRun, agentRun } = owner
  if (mode === 'shared') return base
  const run = agentRun === null ? null : join(base, 'run', checkSessionId(agentRun))
  if (mode === 'per-run' && run !== null) return run
  if (session !== null) return join(base, 'session', checkSessionId(session))
  if (workflowRun !== null) return join(base, 'workflow', checkSessionId(workflowRun))
  return run ?? base
}
