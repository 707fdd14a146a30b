import { BelayError } from '../../core/errors.ts'
import type { RunRow } from '../../record/index.ts'

/** A run whose branches and workspaces were removed by `belay clean` cannot go on. */
export function refuseCleaned(run: RunRow): void {
  if (run.options['cleaned'] !== true) return
  throw new BelayError('run_cleaned', `run ${run.id} was cleaned: its branches are gone, so it cannot go on`, {
    expected: 'a run with its branches',
    next: 'belay run',
  })
}
