import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { resolveWorkspace, workspacesBase } from '../../exec/isolation/workspace-path.ts'
import type { Definition } from '../../workflows/index.ts'

const NOBODY = { session: null, workflowRun: null, agentRun: null } as const

/** Folder of a run without a repository: its steps work there, or in folders of their own below it. */
export function workflowFolder(home: string, run: string): string {
  return resolveWorkspace(workspacesBase(home), { ...NOBODY, workflowRun: run })
}

/** Folder shared by all runs whose workflow asks for it; nothing ever removes it. */
function sharedFolder(home: string): string {
  return resolveWorkspace(join(workspacesBase(home), 'shared'), NOBODY, 'shared')
}

/** The folder in which the steps of a run work. */
export function folderOf(home: string, run: string, { workspace }: Pick<Definition, 'workspace'>): string {
  return workspace === 'shared-directory' ? sharedFolder(home) : workflowFolder(home, run)
}

/** The folder in which one step works. */
export function stepFolder(
  home: string,
  run: string,
  definition: Pick<Definition, 'workspace'>,
  handle: string,
): string {
  const folder = folderOf(home, run, definition)
  if (definition.workspace !== 'directory-per-step') return folder
  return resolveWorkspace(folder, { ...NOBODY, agentRun: stepName(handle) }, 'per-run')
}

const MAX_NAME = 100

/**
 * A handle as the name of a folder. Visit and try numbers follow a dot there, which is unambiguous because ids do not begin
 * with a digit.
 */
function stepName(handle: string): string {
  const name = handle.replaceAll('@', '.')
  return name.length <= MAX_NAME ? name : createHash('sha256').update(handle).digest('hex').slice(0, 40)
}
