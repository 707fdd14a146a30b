import { formatDuration } from '../../core/duration.ts'
import { head, printable } from '../../core/text.ts'
import type { RunRow } from '../../record/index.ts'
import type { WorkflowResult } from '../../runs/workflow/drive.ts'
import type { WorkflowPlan } from '../../runs/workflow/plan.ts'
import type { ShownRun, ShownStep } from '../../runs/workflow/shown.ts'
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

/** The issues of a workflow, for people. */
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

/** What a workflow run will do, in one line. */
export function summaryLine({ config, base }: WorkflowPlan): string {
  const { definition, place, concurrency, budget } = config
  const limits = [
    `${concurrency} at a time`,
    ...(budget.usd === null ? [] : [`$${budget.usd}`]),
    ...(budget.tokens === null ? [] : [`${budget.tokens} tokens`]),
    ...(budget.wallMs === null ? [] : [formatDuration(budget.wallMs)]),
  ]
  const where =
    place === 'repository'
      ? `worktrees of the repository at ${base?.slice(0, 10) ?? ''}`
      : definition.workspace === 'shared-directory'
        ? 'a folder that runs share'
        : 'a folder of the run'
  return `workflow ${definition.name}: ${allStates(definition.flow).length} states; works in ${where}; limits: ${limits.join(', ')}`
}

/** A workflow run for people: each step with its result, and where the work is. */
export function runText({ run, output, work, steps }: ShownRun): string[] {
  const reason = run.reason === null ? '' : `: ${printable(run.reason.message)}`
  const width = Math.max(...steps.map(({ handle }) => handle.length), 0)
  return [
    `workflow ${run.workflow}, run ${run.id}: ${run.status}${reason}`,
    '',
    ...steps.map((step) => {
      const commit = step.commit === null ? '' : `  commit ${step.commit.slice(0, 10)}: ${filesText(step.files)}`
      return `${printable(step.handle).padEnd(width)}  ${step.status.padEnd(9)}  ${cameTo(step)}${commit}`.trimEnd()
    }),
    '',
    ...workLines(work),
    ...(output === null ? [] : [`output: ${printable(JSON.stringify(output))}`]),
  ]
}

const SHOWN = 100

function cameTo({ output, reason }: ShownStep): string {
  if (reason !== null) return head(printable(`${reason.code}: ${reason.message}`).replace(/\s+/g, ' '), SHOWN)
  return output === null ? '' : head(printable(JSON.stringify(output)), SHOWN)
}

function filesText(files: readonly string[]): string {
  const shown = files.slice(0, 5).map(printable).join(', ')
  return files.length > 5 ? `${shown} and ${files.length - 5} more` : shown
}

function workLines({ folder, branch, diff_command: diff, finish_command: finish }: ShownRun['work']): string[] {
  if (folder !== null) return [`the work is in ${folder}`]
  if (finish === null) return ['the work: nothing was changed']
  return [`the work is on ${branch ?? ''}; see it with: ${diff ?? ''}; take it over with: ${finish}`]
}

/** The result of a run for people, and its output for stdout. */
export function resultText(
  run: RunRow,
  { status, output, reason, finishCommand, folder }: WorkflowResult,
): { readonly lines: string[]; readonly output: string | null } {
  const lines = [
    ...(reason === null ? [] : [`${status}: ${printable(reason.message)}`]),
    ...(finishCommand === null ? [] : [`the work is on ${run.resultBranch}; take it over with: ${finishCommand}`]),
    ...(folder === null ? [] : [`the work is in ${folder}`]),
  ]
  const shown =
    status !== 'done' || output === null ? null : typeof output === 'string' ? output : JSON.stringify(output, null, 2)
  return { lines, output: shown === null ? null : printable(shown) }
}
