import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { resolveWorkspace, workspacesBase } from '../../exec/isolation/workspace-path.ts'
import type { Definition } from '../../workflows/index.ts'

const NOBODY = { session: null, workflowRun: null, agentRun: null } as const

/** Folder of a run that has no repository: its steps work there, or in folders of their own below it. */
export function workflowFolder(home: string, run: string): string {
  return resolveWorkspace(workspacesBase(home), { ...NOBODY, workflowRun: run })
}

/** Folder that all runs share whose workflow says so; nothing ever removes it. */
function sharedFolder(home: string): string {
  return resolveWorkspace(join(workspacesBase(home), 'shared'), NOBODY, 'shared')
}

/** Where the steps of a run work, as a whole. */
export function folderOf(home: string, run: string, { workspace }: Pick<Definition, 'workspace'>): string {
  return workspace === 'shared-directory' ? sharedFolder(home) : workflowFolder(home, run)
}

/** Where one step works. */
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

/** A handle as a folder's name: its numbers of visits and tries follow a dot, where no id can begin with a digit. */
function stepName(handle: string): string {
  const name = handle.replaceAll('@', '.')
  return name.length <= MAX_NAME ? name : createHash('sha256').update(handle).digest('hex').slice(0, 40)
}
