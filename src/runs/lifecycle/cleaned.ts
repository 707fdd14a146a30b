import { BelayError } from '../../core/errors.ts'
import type { RunRow } from '../../record/index.ts'

/** Throws `run_cleaned` for a run whose branches and workspaces `belay clean` removed: it cannot continue. */
export function refuseCleaned(run: RunRow): void {
  if (run.options['cleaned'] !== true) return
  throw new BelayError('run_cleaned', `run ${run.id} was cleaned: its branches are gone, so it cannot go on`, {
    expected: 'a run with its branches',
    next: 'belay run',
  })
}
