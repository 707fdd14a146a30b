/**
 * The flag with which `belay resume` continues past the limit named by a task's reason code, with a space before it; null: the
 * code names no limit. Without the flag the run stops again at once.
 */
export function budgetFlag(code: string | undefined): string | null {
  if (code === 'budget_unknown_cost') return ' --allow-unknown-cost'
  const limit = /^budget_(usd|tokens|wall)$/.exec(code ?? '')?.[1]
  return limit === undefined ? null : ` --budget-${limit} ${limit === 'wall' ? 'DURATION' : 'N'}`
}
