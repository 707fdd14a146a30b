import { subjectLine } from '../../core/text.ts'
import { identity } from '../../git/identity.ts'
import { git } from '../../git/run.ts'
import type { Session } from '../../sessions/index.ts'
import { commitChanges, stepChanges, type StepChanges } from './step-changes.ts'
import { putGitBack } from './workspace.ts'

/** A step of a collaboration that has begun. */
export interface BegunStep {
  /** The commit that it began at. */
  readonly base: string
  /** Commits what the step left, so that the next one finds it. Throws `session_lost` when the session is another's by now. */
  end(prompt: string, provider: string): Promise<StepChanges>
}

/** Looks at the workspace before a step. */
export async function beginStep(session: Session, path: string): Promise<BegunStep> {
  await identity(path)
  const base = await git(['rev-parse', '--verify', 'HEAD'], { cwd: path })
  return {
    base,
    async end(prompt, provider) {
      // Who took the session away works in this folder now.
      await session.assertHeld()
      await putGitBack(session, path)
      await commitChanges(session, path, subjectLine(prompt, 72), provider)
      return stepChanges(path, base)
    },
  }
}
