import { projectOf } from '../../runs/project.ts'
import { findWorkflow, listWorkflows, readWorkflow, type WorkflowFile } from '../../workflows/index.ts'
import type { Io } from '../io.ts'

/** The checked workflow for NAME|PATH. Throws `workflow_unknown`, `workflow_missing` or `workflow_ambiguous`. */
export async function openWorkflow(io: Io, wanted: string): Promise<WorkflowFile> {
  const { root } = await projectOf(io.cwd)
  return readWorkflow(await findWorkflow(io.cwd, root, wanted), root, io.cwd)
}

export interface ListedWorkflow {
  readonly name: string
  readonly file: string
  readonly description: string | null
  readonly valid: boolean
}

/** Every workflow of the current folder's project. */
export async function allWorkflows(io: Io): Promise<readonly ListedWorkflow[]> {
  const { root } = await projectOf(io.cwd)
  const found: ListedWorkflow[] = []
  for (const { name, file } of await listWorkflows(root)) {
    const { definition } = await readWorkflow(file, root, io.cwd)
    found.push({ name, file, description: definition?.description ?? null, valid: definition !== null })
  }
  return found
}
