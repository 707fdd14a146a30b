import { isAncestor } from '../git/commit.ts'
import { branchRef, readRef } from '../git/refs.ts'
import type { RunRow } from '../record/index.ts'
import type { Project } from './project.ts'

/**
 * The run as it is in the repository. A run whose target could not follow counts as landed once the user has merged its result,
 * with the given command or in any other way. Only reads; `belay resume` updates the record.
 */
export async function asLanded(project: Project, run: RunRow): Promise<RunRow> {
  if (run.landed !== false || run.target === null || run.project !== project.id) return run
  const [result, target] = await Promise.all(
    [run.resultBranch, run.target].map((branch) => readRef(project.root, branchRef(branch))),
  )
  if (!result || !target || !(await isAncestor(project.root, result, target))) return run
  return { ...run, landed: true, finishCommand: null }
}
