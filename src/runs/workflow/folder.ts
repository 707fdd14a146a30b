import { join } from 'node:path'

/** Folder in which the steps of a run work that has no repository. */
export function workflowFolder(home: string, run: string): string {
  return join(home, 'workspaces', 'workflow', run)
}
