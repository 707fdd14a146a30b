import { join } from 'node:path'
import {
  agentMark,
  compareAndUndo,
  isMarkOf,
  retireJournal,
  settleDeadTurns,
  takeSnapshot,
} from '../git/guard/index.ts'
import { MoveJournal } from '../git/moves.ts'
import { branchRef, taskBranch } from '../git/refs.ts'
import type { Repository } from '../git/repository.ts'
import type { Guard } from '../programs/direct/workspaces.ts'

export interface GuardOptions {
  readonly repository: Repository
  /** Belay's state folder. */
  readonly home: string
  readonly moves: MoveJournal
}

/** Where all processes of a user's Belay meet that work in one repository. */
export function meetingFolder(home: string): string {
  return join(home, 'guard')
}

/** Where runs note their own ref moves. */
export function moveJournal(home: string, run: string): MoveJournal {
  return new MoveJournal(meetingFolder(home), run)
}

/** Watches the repository around a turn (see git/guard): a worker may move its own branch, a reviewer nothing. */
export function repositoryGuard({ repository, home, moves }: GuardOptions): Guard {
  return {
    async begin(workspace, run, handle) {
      const isOurs = (move: { ref: string; after: string | null }): Promise<boolean> => moves.isOurs(move)
      const mark = agentMark(run, handle)
      const snapshot = await takeSnapshot({
        commonDir: repository.commonDir,
        userRoot: repository.root,
        workspaces: [{ path: workspace.path, gitDir: workspace.gitDir }],
        allowedRefs: workspace.purpose === 'work' ? [branchRef(taskBranch(run, handle))] : [],
        mark,
        ledger: meetingFolder(home),
        isOurs,
      })
      return {
        env: { GIT_COMMITTER_EMAIL: mark },
        async undo() {
          const { violations, notes } = await compareAndUndo(snapshot, isOurs)
          return { tampered: violations.map((one) => one.message), notes: notes.map((one) => one.message) }
        },
      }
    },
  }
}

/** Forgets the moves of a run that has ended, as soon as nobody needs them any more. */
export async function endJournal({ repository, home, moves }: GuardOptions): Promise<void> {
  await retireJournal(meetingFolder(home), repository.commonDir, moves)
}

/**
 * Undoes what agents of processes that died did to the repository, before git runs anywhere in it again. Returns what was
 * found, as sentences.
 */
export async function settleGuard({ repository, home, moves }: GuardOptions, run: string): Promise<readonly string[]> {
  const request = {
    commonDir: repository.commonDir,
    ledger: meetingFolder(home),
    isOurs: (move: { ref: string; after: string | null }) => moves.isOurs(move),
  }
  // The lease on the run is ours: a turn of it is of a holder that died or was overtaken.
  const found = await settleDeadTurns(request, (mark) => isMarkOf(run, mark))
  return found.map((one) => one.message)
}
