import { sweepObjectFiles } from '../git/objects.ts'
import { endOrphans } from '../git/orphans.ts'
import { branchRef, privateRefs, raiseEpochRef } from '../git/refs.ts'
import type { MoveJournal } from '../git/moves.ts'
import type { Repository } from '../git/repository.ts'
import { removeStale } from '../git/stale.ts'
import { endEarlier, endStanding } from '../process/index.ts'
import {
  appendEvents,
  assertEpoch,
  assertLease,
  endSessions,
  listTasks,
  raiseEpoch,
  type Lease,
  type RecordStore,
  type RunRow,
} from '../record/index.ts'
import { settleGuard } from './guard.ts'

export interface Takeover {
  readonly record: RecordStore
  readonly run: RunRow
  readonly repository: Repository
  readonly lease: Lease
  /** Folder with the run's workspaces. */
  readonly workspaces: string
  readonly moves: MoveJournal
}

/**
 * Ends what an earlier holder of the run left behind, before anything moves. Afterwards:
 * - that holder (which may only be suspended) can write neither to the record nor to git;
 * - its agents and gates have ended, and what they did to the repository is undone and reported;
 * - no git process of a dead Belay runs here, and the locks that one left are removed.
 * The lease must be held. Repeatable; finds nothing to do after an orderly end.
 */
export async function takeOver(takeover: Takeover): Promise<void> {
  const { record, run, repository, moves } = takeover
  const raised = await endHolder(takeover)
  await settleDead(takeover)
  const { root, commonDir } = repository
  await sweepObjectFiles()
  await endOrphans([root, commonDir, takeover.workspaces])
  const removed = await removeStale({
    root,
    commonDir,
    refs: [
      branchRef(`belay/${run.id}/`),
      ...privateRefs(run.id),
      ...(run.target === null ? [] : [branchRef(run.target)]),
    ],
  })
  if (removed.length > 0) await tell(takeover, 'run.locks_removed', { paths: removed })
  for (const { handle, epoch } of raised) {
    const stillOurs = (): Promise<void> => assertEpoch(record.read, run.id, handle, epoch)
    await raiseEpochRef(root, run.id, handle, epoch, stillOurs, moves)
  }
}

/**
 * The part of `takeOver` that every program needs: the earlier holder can no longer write to the record, and its agents have
 * ended.
 */
export async function endHolder({
  record,
  run,
  lease,
}: Pick<Takeover, 'record' | 'run' | 'lease'>): Promise<
  readonly { readonly handle: string; readonly epoch: number }[]
> {
  const raised = await record.write(async (tx) => {
    await assertLease(tx, lease)
    const now = record.now()
    const running = (await listTasks(tx, run.id)).filter((task) => task.status === 'running')
    const epochs: { handle: string; epoch: number }[] = []
    for (const { handle } of running) epochs.push({ handle, epoch: await raiseEpoch(tx, run.id, handle) })
    for (const { id, task } of await endSessions(tx, run.id, now)) {
      await appendEvents(tx, now, [
        {
          type: 'session.ended',
          project: run.project,
          run: run.id,
          task,
          session: id,
          data: { status: 'interrupted' },
        },
      ])
    }
    return epochs
  })
  for (const { handle, epoch } of raised) await endEarlier(run.id, handle, epoch)
  await assertLease(record.read, lease)
  await endStanding(run.id)
  return raised
}

/** Undoes what agents of dead processes did to the repository, before git runs in it. */
async function settleDead(takeover: Takeover): Promise<void> {
  const { record, run, repository, moves } = takeover
  const found = await settleGuard({ repository, record, moves }, run.id)
  if (found.length > 0) await tell(takeover, 'run.settled', { found })
}

async function tell(
  { record, run, lease }: Takeover,
  type: string,
  data: Readonly<Record<string, unknown>>,
): Promise<void> {
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    await appendEvents(tx, record.now(), [{ type, project: run.project, run: run.id, data }])
  })
}
