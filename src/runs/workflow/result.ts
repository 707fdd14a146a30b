import { BelayError } from '../../core/errors.ts'
import type { MoveJournal } from '../../git/moves.ts'
import { branchRef, dropPrivateRefs, readRef, updateRefs } from '../../git/refs.ts'
import { git } from '../../git/run.ts'
import { assertLease, changeRun, type Lease, type RecordStore, type RunRow } from '../../record/index.ts'
import { endJournal } from '../guard.ts'
import type { OpenRepository } from './services.ts'

/**
 * Moves the run's result branch to the commit that the workflow has reached, and returns the command with which the user merges
 * it; null if nothing was changed. Moves no ref of the user, because no gate has verified this work.
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

/**
 * Removes what a run that has ended no longer needs: workspaces, fences and, if it is done, its steps' branches. Its result
 * stays. The branches of a cancelled run may be all that holds the work of its steps, on which a retried one builds.
 */
export async function endGit(
  record: RecordStore,
  run: RunRow,
  { repository, pool, moves }: OpenRepository,
  status: 'done' | 'cancelled',
): Promise<void> {
  const { root } = repository
  await pool.clear(true)
  if (status === 'done') await dropStepBranches(root, run, moves)
  await dropPrivateRefs(root, run.id, moves)
  await endJournal({ repository, record, moves })
}

async function dropStepBranches(root: string, run: RunRow, moves: MoveJournal): Promise<void> {
  const own = ['task-*', 'resolved-*'].map((name) => `refs/heads/belay/${run.id}/${name}`)
  // A branch that is checked out somewhere stays: the user may still be on the one where they resolved conflicts.
  const list = await git(['for-each-ref', '--format=%(refname) %(worktreepath)', ...own], { cwd: root })
  const refs = list.split('\n').flatMap((line) => /^(\S+) $/.exec(line)?.[1] ?? [])
  if (refs.length === 0) return
  await updateRefs(
    root,
    refs.map((ref) => ({ verb: 'delete', ref })),
    moves,
  )
}
