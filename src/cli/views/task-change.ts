import type { RunRow, TaskRow } from '../../record/index.ts'

/** What commands that change one task print with `--json`. */
export function taskChange(run: RunRow, task: TaskRow): Record<string, unknown> {
  const { handle, title, status, phase, attempt, commit, branch, reason } = task
  return { run: run.id, task: { handle, title, status, phase, attempt, commit, branch, reason } }
}
