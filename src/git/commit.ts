import { identsOf } from './identity.ts'
import { readObject, writeObject } from './objects.ts'
import { git, gitFailed, tryGit } from './run.ts'

export interface CommitOptions {
  readonly tree: string
  readonly parents: readonly string[]
  readonly message: string
  /** Sign as configured in the user's git. */
  readonly sign: boolean
}

/** Stores a commit with the user's identity and returns its id. Moves no ref. */
export async function commitTree(root: string, options: CommitOptions): Promise<string> {
  const { tree, parents, message: text, sign } = options
  if (sign) {
    const args = ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent]), '-S', '-F', '-']
    return git(args, { cwd: root, input: text.replaceAll('\0', '') })
  }
  const [author, committer] = await people(root)
  const head = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${author}`,
    `committer ${committer}`,
  ]
  // The text is UTF-8, which is git's default and needs no `encoding` header. Git would cut the text at a NUL.
  return writeObject(root, 'commit', `${head.join('\n')}\n\n${text.replaceAll('\0', '')}`)
}

/** Author and committer as git would write them now. */
async function people(root: string): Promise<readonly [string, string]> {
  const [author, committer] = await identsOf(root)
  return [now(author, 'GIT_AUTHOR_DATE'), now(committer, 'GIT_COMMITTER_DATE')]
}

/** `NAME <EMAIL> SECONDS ZONE` with the present time, unless the environment variable fixes one. */
function now(ident: string, variable: string): string {
  if (process.env[variable]) return ident
  const date = new Date()
  const east = -date.getTimezoneOffset()
  const two = (n: number): string => String(Math.floor(Math.abs(n))).padStart(2, '0')
  const zone = `${east < 0 ? '-' : '+'}${two(east / 60)}${two(east % 60)}`
  return ident.replace(/\d+ [+-]\d{4}$/, `${Math.floor(date.getTime() / 1000)} ${zone}`)
}

/** A trailer line. Line breaks in the value would begin another trailer, so they become spaces. */
export function trailer(name: string, value: string): string {
  return `${name}: ${value.replace(/\s+/g, ' ').trim()}`
}

/** A commit message: subject, body (if not empty), and trailers in the given order. */
export function message(subject: string, body: string, trailers: readonly string[]): string {
  return [subject, body.trim(), trailers.join('\n')].filter((part) => part !== '').join('\n\n') + '\n'
}

/** This many commits are read one by one before git is asked to search. */
const NEAR = 20

/** Whether `ancestor` is `commit` or one of its ancestors. Both are commit ids. */
export async function isAncestor(root: string, ancestor: string, commit: string): Promise<boolean> {
  let at: string | undefined = commit
  for (let n = 0; n < NEAR && at !== undefined; n++) {
    if (at === ancestor) return true
    const text: string = (await readObject(root, at))?.content.toString('latin1') ?? ''
    at = /^tree \w+\nparent (\w+)\n/.exec(text)?.[1]
  }
  const args = ['merge-base', '--is-ancestor', ancestor, commit]
  const result = await tryGit(args, { cwd: root })
  if (result.code > 1) throw gitFailed(args, result)
  return result.code === 0
}
