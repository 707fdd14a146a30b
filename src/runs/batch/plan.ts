import { stateHome, type RecordStore } from '../../record/index.ts'
import { ResultsFile } from '../../programs/batch/index.ts'
import { projectOf, type Project } from '../project.ts'
import { folderSettings } from '../folder-settings.ts'
import { loadBatchConfig, type BatchConfig } from './config.ts'
import { discover, type Discovered } from './discover.ts'
import { lookAtFiles, type FileState } from './files.ts'

export interface BatchRequest {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The value of `--config`, as given. */
  readonly config: string
  /** Overrides the value in the file; null: not given. */
  readonly concurrency: number | null
}

/** What is known about a batch before its results and the record are read. */
export interface BatchPlan {
  readonly config: BatchConfig
  readonly project: Project
  readonly discovered: Discovered
}

/** Reads a batch's file and finds its files. Writes nothing. Throws `config_missing`, `config_invalid` and errors of git. */
export async function planBatch(request: BatchRequest): Promise<BatchPlan> {
  const loaded = await loadBatchConfig(request.cwd, request.config)
  const config = {
    ...loaded,
    ...(request.concurrency === null ? {} : { concurrency: request.concurrency }),
    ...(await folderSettings(loaded.root, request.env)),
  }
  const project = await projectOf(config.root)
  const home = stateHome(request.env)
  const discovered = await discover(config, { inRepository: project.kind === 'repository', home })
  return { config, project, discovered }
}

/** Every file of the plan with its state. `record`: null if there is none yet. Only reads. */
export async function lookAtPlan(record: RecordStore | null, plan: BatchPlan): Promise<FileState[]> {
  const { config, project, discovered } = plan
  return lookAtFiles(record, { config, project: project.id }, new ResultsFile(config.results), discovered.files)
}
