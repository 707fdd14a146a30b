import type { Repository } from '../git/repository.ts'
import type { Guard } from '../programs/direct/workspaces.ts'
import type { WorkspacePool } from '../workspace/pool.ts'

export interface GuardOptions {
  readonly repository: Repository
  readonly pool: WorkspacePool
}

/** Watches the repository around a turn; see git/guard. */
export function repositoryGuard(_options: GuardOptions): Guard {
  return { begin: async () => ({ undo: async () => [] }) }
}
