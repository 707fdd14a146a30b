import { commitTree, message, trailer } from '../../git/commit.ts'
import { quoteShell } from '../../git/quote.ts'
import { branchRef, readRef, resolvedBranch, taskBranch } from '../../git/refs.ts'
import { git, tryGit } from '../../git/run.ts'
import { mergeTrees, treeOf } from '../../git/trees.ts'
import type { Context, Joined } from './services.ts'

export interface MergeOptions {
  readonly root: string
  readonly sign: boolean
}

/** The last commit of a branch or of a loop item. */
export interface Line {
  readonly name: string
  readonly tip: string | null
}

type Moved = Line & { readonly tip: string }

/**
 * Merges lines of work that began at `base`, in order. If one does not merge, the result is a conflict. A person may resolve it
 * on a branch of the step (`resolvedBranch`), which is taken as it is if it contains every line. Writes no ref.
 */
export async function joinLines(
  { root, sign }: MergeOptions,
  context: Context,
  base: string,
  lines: readonly Line[],
): Promise<Joined> {
  const moved = lines.filter((line): line is Moved => line.tip !== null && line.tip !== base)
  const [first, ...others] = moved
  if (first === undefined) return { tip: base }
  const merged: Moved[] = [first]
  let tip = first.tip
  for (const line of others) {
    const result = await mergeTrees(root, tip, line.tip)
    if ('conflicts' in result) {
      const resolved = await resolvedTip(root, context, moved)
      return (
        resolved ?? { conflict: await conflictText(root, context, { merged, line, moved, paths: result.conflicts }) }
      )
    }
    merged.push(line)
    if (result.tree === (await treeOf(root, tip))) continue
    tip = await commitTree(root, {
      tree: result.tree,
      parents: [tip, line.tip],
      message: message(`${context.task.handle}: merge ${line.name}`, '', [
        trailer('Belay-Task', context.task.handle),
        trailer('Belay-Run', context.services.run.id),
      ]),
      sign,
    })
  }
  return { tip }
}

/** The commit on which a person has merged all lines, or null. */
async function resolvedTip(
  root: string,
  { task, services }: Context,
  lines: readonly Moved[],
): Promise<{ readonly tip: string } | null> {
  const tip = await readRef(root, branchRef(resolvedBranch(services.run.id, task.handle)))
  if (tip === null) return null
  for (const line of lines) {
    const inside = await tryGit(['merge-base', '--is-ancestor', line.tip, tip], { cwd: root })
    if (inside.code !== 0) return null
  }
  return { tip }
}

interface Conflict {
  readonly merged: readonly Moved[]
  readonly line: Moved
  readonly moved: readonly Moved[]
  readonly paths: readonly string[]
}

const SHOWN_PATHS = 20

async function conflictText(root: string, context: Context, { merged, line, moved, paths }: Conflict): Promise<string> {
  const { task, services } = context
  const more = paths.length > SHOWN_PATHS ? ` and ${paths.length - SHOWN_PATHS} more` : ''
  const [first = '', ...others] = await Promise.all(moved.map((one) => nameOf(root, context, one)))
  const own = quoteShell(resolvedBranch(services.run.id, task.handle))
  const commands = [
    `git switch -c ${own} ${first}`,
    ...others.map((name) => `git merge ${name}`),
    'git switch -',
    `belay retry ${quoteShell(`${services.run.id}/${task.handle}`)} --resume`,
  ]
  const before = merged.map(({ name }) => name).join(', ')
  return `the work of ${line.name} does not merge with that of ${before}: conflicts in ${paths.slice(0, SHOWN_PATHS).join(', ')}${more}; to resolve them: ${commands.join('; ')}`
}

/** The branch that holds a line of work, or else its commit. */
async function nameOf(root: string, { task, services }: Context, { name, tip }: Moved): Promise<string> {
  const inside = branchRef(taskBranch(services.run.id, `${task.handle}.${name}`))
  const format = '--format=%(refname:short)'
  const found = (
    await git(['for-each-ref', format, `--points-at=${tip}`, `refs/heads/belay/${services.run.id}/`], { cwd: root })
  ).split('\n')
  const own = found.find((one) => branchRef(one).startsWith(inside))
  return quoteShell(own ?? tip.slice(0, 12))
}
