import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether a folder is the root of a repository, a worktree or a submodule, as git has it: a `.git` folder without a HEAD makes
 * none. A sandbox keeps an empty one wherever none may come into being, and a Belay that was killed leaves it there.
 */
export function isRepositoryRoot(folder: string): boolean {
  const dotGit = join(folder, '.git')
  const found = statSync(dotGit, { throwIfNoEntry: false })
  return found !== undefined && (!found.isDirectory() || existsSync(join(dotGit, 'HEAD')))
}
