import { join } from 'node:path'
import { checkSessionId } from '../../sessions/index.ts'

export const WORKSPACE_MODES = ['per-workflow', 'per-run', 'shared'] as const
export type WorkspaceMode = (typeof WORKSPACE_MODES)[number]

/** The owner of a workspace; null: it does not belong to such a thing. Ids are checked, because they become folder names. */
export interface WorkspaceOwner {
  readonly session: string | null
  readonly workflowRun: string | null
  readonly agentRun: string | null
}

/** Folder for the workspaces of sessions, workflow runs and agent runs. */
export function workspacesBase(home: string): string {
  return join(home, 'workspaces')
}

/**
 * The folder of a workspace: `BASE/session/ID` for a session, else `BASE/workflow/ID` for a workflow run (shared by its
 * agents), else `BASE/run/ID` for the run of one agent. With `per-run`, each agent's run gets its own folder. With `shared`, or
 * without an owner, it is `BASE` itself. Throws `session_id_invalid`.
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
