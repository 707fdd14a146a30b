import { subjectLine } from '../../core/text.ts'
import { identity } from '../../git/identity.ts'
import { git } from '../../git/run.ts'
import type { Session } from '../../sessions/index.ts'
import { commitChanges, stepChanges, type StepChanges } from './step-changes.ts'
import { putGitBack } from './workspace.ts'

/** A step of a collaboration that has begun. */
export interface BegunStep {
  /** The commit at which it began. */
  readonly base: string
  /**
   * Commits the step's changes, so that the next step finds them. Throws `session_lost` if another process took the session
   * over.
   */
  end(prompt: string, provider: string): Promise<StepChanges>
}

/** Records the state of the workspace before a step. */
export async function beginStep(session: Session, path: string): Promise<BegunStep> {
  await identity(path)
  const base = await git(['rev-parse', '--verify', 'HEAD'], { cwd: path })
  return {
    base,
    async end(prompt, provider) {
      // A process that took the session over works in this folder now.
      await session.assertHeld()
      await putGitBack(session, path)
      await commitChanges(session, path, subjectLine(prompt, 72), provider)
      return stepChanges(path, base)
    },
  }
}
