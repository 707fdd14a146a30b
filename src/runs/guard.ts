import { join } from 'node:path'
import {
  agentMark,
  compareAndUndo,
  isMarkOf,
  retireJournal,
  settleDeadTurns,
  takeSnapshot,
  type Ours,
} from '../git/guard/index.ts'
import { MoveJournal } from '../git/moves.ts'
import { branchRef, taskBranch } from '../git/refs.ts'
import type { Repository } from '../git/repository.ts'
import { listWorkspaces, type RecordStore } from '../record/index.ts'
import type { Guard } from '../programs/direct/workspaces.ts'

export interface GuardOptions {
  readonly repository: Repository
  readonly record: Pick<RecordStore, 'home' | 'read'>
  readonly moves: MoveJournal
  /** Resolves when Belay itself is changing nothing in the user's checkout. */
  readonly quiet?: () => Promise<void>
}

/** The folder through which all Belay processes of a user that work in one repository coordinate. */
export function meetingFolder(home: string): string {
  return join(home, 'guard')
}

/** Where a run notes its own ref moves. */
export function moveJournal(home: string, run: string): MoveJournal {
  return new MoveJournal(meetingFolder(home), run)
}

function oursOf({ record, moves }: GuardOptions): Ours {
  return {
    isOurs: (move) => moves.isOurs(move),
    ownWorktrees: async () => (await listWorkspaces(record.read)).map((row) => row.path),
  }
}

/** Watches the repository during a turn (see git/guard). An implementer may move its task's branch, a reviewer nothing. */
export function repositoryGuard(options: GuardOptions): Guard {
  const { repository, record } = options
  const ours = oursOf(options)
  return {
    async begin(workspace, run, handle) {
      const mark = agentMark(run, handle)
      // A snapshot taken while the target follows would be mistaken for how the user left their files.
      await options.quiet?.()
      const snapshot = await takeSnapshot({
        commonDir: repository.commonDir,
        userRoot: repository.root,
        workspaces: [{ path: workspace.path, gitDir: workspace.gitDir }],
        allowedRefs: workspace.purpose === 'work' ? [branchRef(taskBranch(run, handle))] : [],
        mark,
        ledger: meetingFolder(record.home),
        ...ours,
      })
      return {
        env: { GIT_COMMITTER_EMAIL: mark },
        async undo() {
          const { violations, notes } = await compareAndUndo(snapshot, ours)
          return { tampered: violations.map((one) => one.message), notes: notes.map((one) => one.message) }
        },
      }
    },
  }
}

/** Forgets the ref moves of a run that has ended, as soon as no process needs them any more. */
export async function endJournal({ repository, record, moves }: GuardOptions): Promise<void> {
  await retireJournal(meetingFolder(record.home), repository.commonDir, moves)
}

/**
 * Undoes what agents of dead processes did to the repository, before git runs in it again. Returns what was found, as
 * sentences.
 */
export async function settleGuard(options: GuardOptions, run: string): Promise<readonly string[]> {
  const request = {
    commonDir: options.repository.commonDir,
    ledger: meetingFolder(options.record.home),
    ...oursOf(options),
  }
  // This process holds the run's lease, so any turn of the run found here belongs to a dead or superseded holder.
  const found = await settleDeadTurns(request, (mark) => isMarkOf(run, mark))
  return found.map((one) => one.message)
}
