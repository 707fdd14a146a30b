import { quoteShell } from '../quote.ts'
import { branchRef } from '../refs.ts'
import { checkoutsOf } from './checkouts.ts'
import type { Followed, FollowRequest } from './port.ts'

/** A refusal. Default `command`: the merge by which the user brings the result into the target once the obstacle is gone. */
export async function refuse(
  request: FollowRequest,
  code: string,
  message: string,
  command?: string,
): Promise<Followed & { readonly landed: false }> {
  return { landed: false, reason: { code, message }, finishCommand: command ?? (await mergeCommand(request)) }
}

/** The command by which a user finishes: a merge in the checkout of the target, or after switching to it. */
export async function mergeCommand({ repository, target, resultBranch }: FollowRequest): Promise<string> {
  const [checkout] = target === null ? [] : (await checkoutsOf(repository.root, branchRef(target))).here
  const root = quoteShell(checkout?.root ?? repository.root)
  const merge = `git -C ${root} merge ${quoteShell(resultBranch)}`
  return target === null || checkout ? merge : `git -C ${root} switch ${quoteShell(target)} && ${merge}`
}

export function list(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).join(', ')
  return paths.length > 5 ? `${shown} and ${paths.length - 5} more` : shown
}
