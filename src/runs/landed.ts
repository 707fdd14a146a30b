import { isAncestor } from '../git/commit.ts'
import { branchRef, readRef } from '../git/refs.ts'
import type { RunRow } from '../record/index.ts'
import type { Project } from './project.ts'

/**
 * A run as it stands in the repository: one whose target could not follow has landed once the user has taken its result over
 * with the command that they were given (or any other merge). Only looks; the record learns of it with `belay resume`.
 */
export async function asLanded(project: Project, run: RunRow): Promise<RunRow> {
  if (run.landed !== false || run.target === null || run.project !== project.id) return run
  const [result, target] = await Promise.all(
    [run.resultBranch, run.target].map((branch) => readRef(project.root, branchRef(branch))),
  )
  if (!result || !target || !(await isAncestor(project.root, result, target))) return run
  return { ...run, landed: true, finishCommand: null }
}
