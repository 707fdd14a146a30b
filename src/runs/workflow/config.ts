import type { Config } from '../../config/index.ts'
import type { Mapping } from '../../config/values.ts'
import type { FolderSettings } from '../folder-settings.ts'
import type { Definition } from '../../workflows/index.ts'

/** A workflow run as it is stored: everything that its steps need, whatever becomes of the file. */
export interface WorkflowConfig extends FolderSettings {
  /** Absolute. */
  readonly file: string
  readonly definition: Definition
  readonly input: Mapping
  readonly place: 'repository' | 'directory'
  readonly concurrency: number
  readonly budget: Config['budget']
  /** As in a run's own configuration: where worktrees are made. */
  readonly workspace: Pick<Config['workspace'], 'root'>
  /** How checkouts are made usable (of belay.yaml); null where there is no repository. */
  readonly project: Config | null
  readonly sign: boolean
}
