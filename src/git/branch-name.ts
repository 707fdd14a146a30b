import { BelayError } from '../core/errors.ts'
import { branchRef } from './refs.ts'
import { git, tryGit } from './run.ts'

/**
 * Refuses (`branch_name`) names that cannot be a branch: names that git rejects, names that look like options or full refs, and
 * names that conflict with an existing branch (`a` with `a/b`). Whether the branch itself exists does not matter.
 */
export async function checkBranchName(root: string, name: string): Promise<void> {
  const odd = name.startsWith('-') || name.startsWith('refs/') || name === 'HEAD' || name === '@'
  const checked = odd ? null : await tryGit(['check-ref-format', branchRef(name)], { cwd: root })
  if (checked?.code !== 0) throw refusal(name, 'this can be no name of a branch', 'the short name of a branch')
  const others = (await git(['for-each-ref', '--format=%(refname:lstrip=2)', 'refs/heads'], { cwd: root })).split('\n')
  const beside = others.find((one) => one.startsWith(`${name}/`) || name.startsWith(`${one}/`))
  if (beside === undefined) return
  throw refusal(name, `git cannot have the branches ${name} and ${beside} side by side`, `another name than ${beside}`)
}

function refusal(name: string, message: string, expected: string): BelayError {
  return new BelayError('branch_name', message, { expected, received: name, next: 'belay run --into BRANCH' })
}
