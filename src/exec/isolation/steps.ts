import { subjectLine } from '../../core/text.ts'
import { identity } from '../../git/identity.ts'
import { git, tryGit } from '../../git/run.ts'
import type { Session } from '../../sessions/index.ts'
import { putGitBack } from './workspace.ts'

/** What a step of a collaboration left. */
export interface StepLeft {
  /** Paths that it changed. */
  readonly files: readonly string[]
  /** Commits since it began, oldest first: the agent's own, and Belay's of what was not committed. */
  readonly commits: readonly string[]
}

/** Most paths and commits that are kept of a step. */
const MAX = 500

/** Looks at the workspace before a step; what it returns commits what the step left, so that the next one finds it. */
export async function beginStep(
  session: Session,
  path: string,
): Promise<(prompt: string, provider: string) => Promise<StepLeft>> {
  await identity(path)
  const before = await headOf(path)
  return async (prompt, provider) => {
    await putGitBack(session, path)
    await git(['add', '--all'], { cwd: path })
    const staged = await tryGit(['diff', '--cached', '--quiet'], { cwd: path })
    if (staged.code !== 0) {
      const message = `${subjectLine(prompt, 72)}\n\nBelay-Session: ${session.id}\nBelay-Agent: ${provider}\n`
      await git(['commit', '--quiet', '--no-verify', '--no-gpg-sign', '--file=-'], { cwd: path, input: message })
    }
    const [commits, files] = await Promise.all([
      lines(['rev-list', '--reverse', `--max-count=${MAX}`, `${before}..HEAD`], path),
      lines(['diff', '--name-only', '--no-ext-diff', before, 'HEAD'], path),
    ])
    return { commits, files: files.slice(0, MAX) }
  }
}

async function headOf(path: string): Promise<string> {
  return git(['rev-parse', '--verify', 'HEAD'], { cwd: path })
}

async function lines(args: readonly string[], cwd: string): Promise<string[]> {
  const text = await git(['-c', 'core.quotePath=false', ...args], { cwd })
  return text === '' ? [] : text.split('\n')
}
