import { GITLINK } from './objects.ts'
import { git, gitFailed, tryGit } from './run.ts'

export interface AddOptions {
  /** E.g. GIT_INDEX_FILE. */
  readonly env?: Readonly<Record<string, string>>
  /** More pathspecs: what is left out. */
  readonly exclude?: readonly string[]
  /** Only what the index has already. */
  readonly update?: boolean
}

/**
 * Brings an index up to the working files, as `git add --all`. That alone looks whether a submodule is dirty, by running git in
 * it: with the filters that the submodule's own configuration names, and an agent can make a repository in any folder. So the
 * index is given what such a folder's HEAD says, without running anything there. Safe to repeat.
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

/** Paths are bytes, not always of UTF-8: here each character is one. */
function asBytes(path: string): string {
  return Buffer.from(path).toString('latin1')
}

/** Paths of the index that are repositories of their own, relative to `checkout`, each character a byte. */
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
