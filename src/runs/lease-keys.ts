export function runLease(run: string): string {
  return `run:${run}`
}

/** Key of the lease on the branch that a run moves. */
export function targetLease(project: string, branch: string): string {
  return `target:${project}:${branch}`
}
