import { git } from './run.ts'

export interface CommitOptions {
  readonly tree: string
  readonly parents: readonly string[]
  readonly message: string
  /** Sign as the user's git is set up to. */
  readonly sign: boolean
}

/** Stores a commit with the user's identity and returns its id; no ref moves. */
export async function commitTree(root: string, options: CommitOptions): Promise<string> {
  const args = ['commit-tree', options.tree]
  for (const parent of options.parents) args.push('-p', parent)
  if (options.sign) args.push('-S')
  return git([...args, '-F', '-'], { cwd: root, input: options.message })
}

/** A trailer line; line breaks in the value would begin another trailer, so they become spaces. */
export function trailer(name: string, value: string): string {
  return `${name}: ${value.replace(/\s+/g, ' ').trim()}`
}

/** A commit message: subject, body when there is one, trailers in the given order. */
export function message(subject: string, body: string, trailers: readonly string[]): string {
  return [subject, body.trim(), trailers.join('\n')].filter((part) => part !== '').join('\n\n') + '\n'
}

/** Whether `ancestor` is `commit` or one of its ancestors. */
export async function isAncestor(root: string, ancestor: string, commit: string): Promise<boolean> {
  const base = await git(['rev-list', '--count', '--max-count=1', ancestor, `^${commit}`], { cwd: root })
  return base === '0'
}
