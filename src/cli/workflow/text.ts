import { formatDuration } from '../../core/duration.ts'
import { printable } from '../../core/text.ts'
import type { RunRow } from '../../record/index.ts'
import type { WorkflowResult } from '../../runs/workflow/drive.ts'
import type { WorkflowPlan } from '../../runs/workflow/plan.ts'
import { allStates, issueLine, type WorkflowFile } from '../../workflows/index.ts'

/** What `belay workflow validate --json` prints. */
export function validation({ file, definition, issues }: WorkflowFile): object {
  return {
    valid: definition !== null,
    file,
    errors: issues.filter((issue) => issue.severity === 'error'),
    warnings: issues.filter((issue) => issue.severity === 'warning'),
  }
}

/** The same for people. */
export function issuesText({ called, definition, issues }: WorkflowFile): string[] {
  const lines = issues.map((issue) => `${issue.severity}: ${issueLine(issue)}`)
  const errors = issues.filter((issue) => issue.severity === 'error').length
  const warnings = issues.length - errors
  const counts = [
    ...(errors === 0 ? [] : [`${errors} ${errors === 1 ? 'error' : 'errors'}`]),
    ...(warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`]),
  ]
  const verdict = definition === null ? 'is not valid' : 'is valid'
  return [...lines, `${called} ${verdict}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}`]
}

/** What a run will do, in one line. */
export function summaryLine({ config, base }: WorkflowPlan): string {
  const { definition, place, concurrency, budget } = config
  const limits = [
    `${concurrency} at a time`,
    ...(budget.usd === null ? [] : [`$${budget.usd}`]),
    ...(budget.tokens === null ? [] : [`${budget.tokens} tokens`]),
    ...(budget.wallMs === null ? [] : [formatDuration(budget.wallMs)]),
  ]
  const where =
    place === 'repository' ? `worktrees of the repository at ${base?.slice(0, 10) ?? ''}` : 'a folder of the run'
  return `workflow ${definition.name}: ${allStates(definition.flow).length} states; works in ${where}; limits: ${limits.join(', ')}`
}

/** What became of a run, for people, and its output for stdout. */
export function resultText(
  run: RunRow,
  { status, output, reason, finishCommand }: WorkflowResult,
): { readonly lines: string[]; readonly output: string | null } {
  const lines = [
    ...(reason === null ? [] : [`${status}: ${printable(reason.message)}`]),
    ...(finishCommand === null ? [] : [`the work is on ${run.resultBranch}; take it over with: ${finishCommand}`]),
  ]
  const shown =
    status !== 'done' || output === null ? null : typeof output === 'string' ? output : JSON.stringify(output, null, 2)
  return { lines, output: shown === null ? null : printable(shown) }
}
