import type { Config } from '../config/index.ts'
import type { RecordStore, RunRow } from '../record/index.ts'
import type { Preparation } from '../programs/direct/workspaces.ts'
import type { WorkspacePool } from '../workspace/pool.ts'
import { git } from '../git/run.ts'

export interface PreparationOptions {
  readonly config: Config
  readonly root: string
  readonly pool: WorkspacePool
  readonly env: Readonly<Record<string, string>>
  readonly record: RecordStore
  readonly run: RunRow
}

export function preparation(_options: PreparationOptions): Preparation {
  return {
    prepare: async () => {},
    clean: async (workspace) => {
      await git(['clean', '-ffdxq'], { cwd: workspace.path })
    },
  }
}
