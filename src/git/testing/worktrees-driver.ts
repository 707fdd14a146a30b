/** Creates and removes worktrees repeatedly in a separate process. Arguments: repository, commit, folder, name, rounds. */
import { join } from 'node:path'
import { ensureWorktree, removeWorktree } from '../worktrees.ts'

const [, , root = '', commit = '', folder = '', name = '', rounds = '0'] = process.argv
for (let round = 0; round < Number(rounds); round++) {
  // The same last part everywhere, so that git has to choose other names for its entries.
  const path = join(folder, name, 'work')
  await ensureWorktree(root, path, commit, join(folder, 'meeting'))
  await removeWorktree(root, path, join(folder, 'meeting'))
}
