import { GITLINK } from './objects.ts'
import { git, gitFailed, tryGit } from './run.ts'

export interface AddOptions {
  /** For example GIT_INDEX_FILE. */
  readonly env?: Readonly<Record<string, string>>
  /** Pathspecs of what to leave out. */
  readonly exclude?: readonly string[]
  /** Update only paths that the index already has. */
  readonly update?: boolean
}

/**
 * Updates an index from the working files, like `git add --all`. To see whether a submodule is dirty, `git add` runs git inside
 * it, with the filters that the submodule's own configuration names, and an agent can create a repository in any folder. For
 * such folders the index therefore gets the commit of their HEAD, and nothing is run there. Safe to repeat.
 */
export async function addAll(checkout: string, options: AddOptions = {}): Promise<void> {
  const { env = {}, exclude = [], update = false } = options
  const links = await gitlinks(checkout, env)
  const left = [...exclude.map(asBytes), ...links.map((path) => `:(exclude,literal)${path}`)]
  const how = update ? '--update' : '--all'
  await git(['add', how, '--sparse', '--pathspec-from-file=-', '--pathspec-file-nul'], {
    cwd: checkout,
    env,
    input: Buffer.from([':/', ...left].join('\0'), 'latin1'),
  })
  if (links.length === 0) return
  const args = ['update-index', '--remove', '--ignore-skip-worktree-entries', '-z', '--stdin']
  await git(args, { cwd: checkout, env, input: Buffer.from(links.map((path) => `${path}\0`).join(''), 'latin1') })
}

/** Paths are bytes and not always UTF-8; here each character stands for one byte. */
function asBytes(path: string): string {
  return Buffer.from(path).toString('latin1')
}

/** Paths in the index that are repositories of their own, relative to `checkout`; each character stands for one byte. */
async function gitlinks(checkout: string, env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const found = new Set<string>()
  let rest = ''
  const take = (chunk: Buffer): void => {
    const entries = (rest + chunk.toString('latin1')).split('\0')
    rest = entries.pop() ?? ''
    for (const entry of entries) if (entry.startsWith(GITLINK)) found.add(entry.slice(entry.indexOf('\t') + 1))
  }
  const args = ['ls-files', '--stage', '-z', ':/']
  const result = await tryGit(args, { cwd: checkout, env, onStdout: take })
  if (result.code !== 0) throw gitFailed(args, result)
  return [...found]
}
