import { BelayError } from '../../core/errors.ts'
import { branchRef, dropPrivateRefs, readRef, updateRefs } from '../../git/refs.ts'
import { git } from '../../git/run.ts'
import { assertLease, changeRun, type Lease, type RecordStore, type RunRow } from '../../record/index.ts'
import { endJournal } from '../guard.ts'
import type { OpenRepository } from './services.ts'

/**
 * Puts the run's result branch to the commit that the workflow has come to, and says how its user takes it over; null when
 * nothing was changed. Nothing of the user's moves: no gate has proven this work.
 */
export async function showResult(
  record: RecordStore,
  run: RunRow,
  { repository, moves }: OpenRepository,
  tip: string | null,
  lease: Lease,
): Promise<string | null> {
  if (tip === null || tip === run.base) return null
  const ref = branchRef(run.resultBranch)
  const old = await readRef(repository.root, ref)
  if (old !== tip && !(await updateRefs(repository.root, [{ verb: 'update', ref, to: tip, old }], moves))) {
    throw new BelayError('ref_moved', `${run.resultBranch} was moved by another process at this very moment`, {
      exit: 1,
      next: `belay resume ${run.id}`,
    })
  }
  const finishCommand = `git merge ${run.resultBranch}`
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    await changeRun(tx, run.id, record.now(), { finishCommand })
  })
  return finishCommand
}

/** A run that has ended needs no workspaces, fences and branches of its steps any more; its result stays. */
export async function endGit(
  record: RecordStore,
  run: RunRow,
  { repository, pool, moves }: OpenRepository,
): Promise<void> {
  const { root } = repository
  await pool.clear(true)
  const own = ['task-*', 'resolved-*'].map((name) => `refs/heads/belay/${run.id}/${name}`)
  // A branch that somebody stands on stays: the user may not have left the one that conflicts were resolved on.
  const list = await git(['for-each-ref', '--format=%(refname) %(worktreepath)', ...own], { cwd: root })
  const refs = list.split('\n').flatMap((line) => /^(\S+) $/.exec(line)?.[1] ?? [])
  if (refs.length > 0) {
    await updateRefs(
      root,
      refs.map((ref) => ({ verb: 'delete', ref })),
      moves,
    )
  }
  await dropPrivateRefs(root, run.id, moves)
  await endJournal({ repository, record, moves })
}
