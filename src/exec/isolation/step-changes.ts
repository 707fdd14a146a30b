import { addAll } from '../../git/add.ts'
import { git, tryGit } from '../../git/run.ts'
import type { Session } from '../../sessions/index.ts'

/** What a step of a collaboration changed. */
export interface StepChanges {
  /** Paths that it changed. */
  readonly files: readonly string[]
  /** Commits since it began, oldest first: the agent's own, and Belay's for uncommitted changes. */
  readonly commits: readonly string[]
}

/** Most paths and commits that are stored for a step. */
const MAX = 500

/** Commits all uncommitted changes in the workspace of a session; does nothing if there are none. */
export async function commitChanges(session: Session, path: string, subject: string, provider: string): Promise<void> {
  await addAll(path)
  const staged = await tryGit(['diff', '--cached', '--quiet'], { cwd: path })
  if (staged.code === 0) return
  const message = `${subject}\n\nBelay-Session: ${session.id}\nBelay-Agent: ${provider}\n`
  await git(['commit', '--quiet', '--no-verify', '--no-gpg-sign', '--file=-'], { cwd: path, input: message })
}

/** What has changed in the workspace since the commit `base`. */
export async function stepChanges(path: string, base: string): Promise<StepChanges> {
  const [commits, files] = await Promise.all([
    lines(['rev-list', '--reverse', `--max-count=${MAX}`, `${base}..HEAD`], path),
    lines(['diff', '--name-only', '--no-ext-diff', base, 'HEAD'], path),
  ])
  return { commits, files: files.slice(0, MAX) }
}

async function lines(args: readonly string[], cwd: string): Promise<string[]> {
  const text = await git(['-c', 'core.quotePath=false', ...args], { cwd })
  return text === '' ? [] : text.split('\n')
}
