import { issueLine, type WorkflowFile } from '../../workflows/index.ts'

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
