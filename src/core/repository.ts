import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether git takes a folder for the root of a repository, a worktree or a submodule. A `.git` folder without a HEAD does not
 * count: a sandbox puts an empty one wherever a repository must not be created, and leaves it there when Belay is killed.
 */
export function isRepositoryRoot(folder: string): boolean {
  const dotGit = join(folder, '.git')
  const found = statSync(dotGit, { throwIfNoEntry: false })
  return found !== undefined && (!found.isDirectory() || existsSync(join(dotGit, 'HEAD')))
}
