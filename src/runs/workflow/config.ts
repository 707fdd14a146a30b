import type { Config } from '../../config/index.ts'
import type { Mapping } from '../../config/values.ts'
import type { FolderSettings } from '../folder-settings.ts'
import type { Definition } from '../../workflows/index.ts'

/** A workflow run as stored: everything that its steps need, so that later edits of the file have no effect. */
export interface WorkflowConfig extends FolderSettings {
  /** Absolute path of the workflow file. */
  readonly file: string
  readonly definition: Definition
  readonly input: Mapping
  readonly place: 'repository' | 'directory'
  readonly concurrency: number
  readonly budget: Config['budget']
  /** As in the main configuration: where worktrees are made. */
  readonly workspace: Pick<Config['workspace'], 'root'>
  /** The configuration from belay.yaml; null: there is no repository. */
  readonly project: Config | null
  readonly sign: boolean
}
