import { loadConfig, type Config } from '../../config/index.ts'
import type { Mapping } from '../../config/values.ts'
import { BelayError } from '../../core/errors.ts'
import { checkSigning, identity } from '../../git/identity.ts'
import { openRepository, type Repository } from '../../git/repository.ts'
import { allStates, type Definition, type WorkflowFile } from '../../workflows/index.ts'
import type { Project } from '../project.ts'
import { folderSettings } from '../folder-settings.ts'
import { checkRoles } from '../roles.ts'
import { checkSandboxesOf } from '../sandboxes.ts'
import { agentsOf } from './agents.ts'
import type { WorkflowConfig } from './config.ts'

export interface WorkflowPlan {
  readonly project: Project
  readonly config: WorkflowConfig
  /** The commit at which the run begins; null: there is no repository. */
  readonly base: string | null
}

export interface WorkflowRequest {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly project: Project
  readonly workflow: Pick<WorkflowFile, 'file'> & { readonly definition: Definition }
  readonly input: Mapping
  readonly concurrency: number | null
  readonly budget: Partial<Config['budget']>
}

/**
 * Finds out what a workflow run needs, and whether its agents are installed and logged in. Writes nothing. Throws BelayErrors
 * (exit 2).
 */
export async function planWorkflow(request: WorkflowRequest): Promise<WorkflowPlan> {
  const { project, workflow, input, env } = request
  const { definition } = workflow
  const wanted = definition.workspace ?? (project.kind === 'repository' ? 'repository' : 'directory')
  const place = wanted === 'repository' ? 'repository' : 'directory'
  if (place === 'repository' && project.kind !== 'repository') throw noRepository(project.root)
  const repository = place === 'repository' ? await openRepository(request.cwd) : null
  const settings = repository === null ? null : await settingsOf(repository, env)
  const budget = { ...definition.budget, ...request.budget }
  const config: WorkflowConfig = {
    file: workflow.file,
    definition,
    input,
    place,
    concurrency: request.concurrency ?? definition.concurrency,
    budget,
    workspace: { root: settings?.workspace.root ?? null },
    project: settings,
    ...(await folderSettings(project.root, env)),
    sign: repository !== null && settings?.git.sign === 'auto' ? await checkSigning(repository.root) : false,
  }
  await checkRoles({ budget }, agentsOf(config, env))
  await checkStepSandboxes(config, project.root)
  return { project, config, base: repository?.head.commit ?? null }
}

async function settingsOf(repository: Repository, env: WorkflowRequest['env']): Promise<Config> {
  await identity(repository.root)
  return (await loadConfig({ root: repository.root, env })).config
}

/** Refuses sandboxes that are unavailable, before anything is spent. */
export async function checkStepSandboxes({ definition, project }: WorkflowConfig, root: string): Promise<void> {
  const roles = allStates(definition.flow).flatMap((state) => (state.type === 'agent' ? [state.role] : []))
  await checkSandboxesOf(roles, project?.verify.sandbox, root)
}

function noRepository(root: string): BelayError {
  return new BelayError('no_repository', 'the workflow works in a repository, and this folder is in none', {
    expected: 'a folder of a git checkout',
    received: root,
    next: 'git init, or set "workspace: directory" in the workflow',
  })
}
