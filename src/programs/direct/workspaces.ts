import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BelayError } from '../../core/errors.ts'
import type { Reason } from '../../core/words.ts'
import { commitTree } from '../../git/commit.ts'
import type { MoveJournal } from '../../git/moves.ts'
import {
  branchRef,
  candidateRef,
  epochRef,
  readRef,
  snapshotRef,
  taskBranch,
  updateRefs,
  type RefCommand,
} from '../../git/refs.ts'
import { initSubmodules, submoduleChanges, type Submodule } from '../../git/submodules.ts'
import { GITLINK } from '../../git/objects.ts'
import { changedPaths, editTree, seedIndex, snapshotTree, treeOf, type TreeEdit } from '../../git/trees.ts'
import { resetWorktree, switchWorktree } from '../../git/worktrees.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { endMarked, taskMark } from '../../process/index.ts'
import { assertEpoch, type NewEvent, type RecordStore } from '../../record/index.ts'
import type { Purpose, Workspace, WorkspacePool } from '../../workspace/pool.ts'
import type { Budget } from '../shared/budget.ts'
import { refConflict } from './landing.ts'
import type { Candidate, DirectState, FailedGate, Snapshot } from './state.ts'

/** What the keeper needs from the services of a phase's run. */
type Context = PhaseContext<{
  readonly record: Pick<RecordStore, 'read'>
  readonly budget: Pick<Budget, 'watchWall'>
  readonly run: { readonly id: string }
  readonly epochMark: (handle: string) => string
}>

/** Makes a fresh checkout usable and cleans it between uses; see workspace/setup.ts. */
export interface Preparation {
  /** Runs setup and copies ignored files if either is due. Returns what failed, or null. */
  prepare(
    workspace: Workspace,
    context: {
      readonly mark: string
      readonly signal: AbortSignal
      readonly emit: (events: readonly NewEvent[]) => Promise<void>
    },
  ): Promise<FailedGate | null>
  /** Removes everything that neither git nor setup knows. */
  clean(workspace: Workspace): Promise<void>
  /** Paths created by setup and copying. They are not part of a task's change, whether git ignores them or not. */
  products(workspace: Workspace): Promise<readonly string[]>
}

/** Watches what an agent must not change; see git/guard. */
export interface Guard {
  begin(workspace: Workspace, run: string, handle: string): Promise<GuardWatch>
}

export interface GuardWatch {
  /** Variables for the agent's environment, by which its actions can be told from the user's. */
  readonly env: Readonly<Record<string, string>>
  /** Restores what an agent changed and says what it was. Repeatable. Call it after the agent's processes have ended. */
  undo(): Promise<Undone>
}

export interface Undone {
  /** Changes that fail the attempt. */
  readonly tampered: readonly string[]
  readonly notes: readonly string[]
}

export interface KeeperOptions {
  readonly pool: WorkspacePool
  readonly root: string
  readonly moves: MoveJournal
  /** Files and folders (ending in `/`) of the source; an agent's edits to them are dropped. */
  readonly owned: readonly string[]
  readonly preparation: Preparation
  readonly guard: Guard
}

/** What an implement turn left behind and Belay kept. */
export interface Kept {
  readonly snapshot: Snapshot
  /** Whether the change equals the base. */
  readonly empty: boolean
  /** What was restored because the agent must not change it. */
  readonly tampered: readonly string[]
  /** Remarks for the record. */
  readonly notes: readonly string[]
  /** Why the task cannot continue by itself; null: it can. */
  readonly blocked: Reason | null
}

export interface WorkTurn {
  readonly workspace: Workspace
  /** Whether the workspace has the same path as before, so that the conversation can be resumed in it. */
  readonly sameFiles: boolean
  /** Added to the agent's environment. */
  readonly env: Readonly<Record<string, string>>
  endProcesses(): Promise<void>
  undoTampering(): Promise<Undone>
  keep(): Promise<Kept>
}

export interface ReviewCheckout {
  readonly workspace: Workspace
  /** Added to the agent's environment. */
  readonly env: Readonly<Record<string, string>>
  endProcesses(): Promise<void>
  /** Gives the checkout back and says what the reviewer changed outside of it, which has been undone. */
  release(): Promise<Undone>
}

/** A checkout, and the setup command that failed in it, if any. */
export interface Prepared {
  readonly workspace: Workspace
  readonly failed: FailedGate | null
}

/** Puts the checkouts of a run into known states and extracts what is worth keeping. */
export class WorkspaceKeeper {
  readonly #options: KeeperOptions
  /** By task: the tree that this process last put into its workspace, so that it is not checked out again. */
  readonly #ready = new Map<string, string>()

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** Leases the task's workspace, checks out `base` there on the task's own branch, and makes it usable. */
  async makeWork(context: Context, base: string): Promise<void> {
    const { task, services } = context
    const { root } = this.#options
    const branch = taskBranch(services.run.id, task.handle)
    await this.#moveRefs(context, [{ verb: 'update', ref: branchRef(branch), to: base }])
    refuseSetup((await this.#put(context, 'work', base, branch)).failed)
    this.#ready.set(task.handle, await treeOf(root, base))
  }

  /** Puts the task's workspace into the state in which the next attempt begins, with the guard on. */
  async beginTurn(context: Context, state: DirectState): Promise<WorkTurn> {
    const { task, services } = context
    const { root, pool } = this.#options
    if (state.base === null) throw new Error(`task ${task.handle} came to implement without a base`)
    const held = await pool.held('work', task.handle)
    const base = state.snapshot?.base ?? state.base
    const wanted = state.snapshot?.commit ?? base
    const tree = state.snapshot?.tree ?? (await treeOf(root, base))
    if (this.#ready.get(task.handle) !== tree || held === null) {
      const branch = taskBranch(services.run.id, task.handle)
      await this.#moveRefs(context, [{ verb: 'update', ref: branchRef(branch), to: base }])
      // Setup that fails on the agent's own change is for the agent to fix; verify reports it.
      await this.#put(context, 'work', wanted, branch)
    }
    this.#ready.delete(task.handle)
    const workspace = await pool.lease('work', task.handle, wanted)
    const watch = await this.#options.guard.begin(workspace, services.run.id, task.handle)
    return {
      workspace,
      sameFiles: held?.path === workspace.path,
      env: watch.env,
      endProcesses: () => endProcesses(context),
      undoTampering: () => undo(context, watch),
      keep: async () => this.#keep(context, workspace, base, await undo(context, watch)),
    }
  }

  /** An agent can leave files that git cannot store. That fails its attempt but must not end the run. */
  async #keep(context: Context, workspace: Workspace, base: string, undone: Undone): Promise<Kept> {
    try {
      return await this.#keepFiles(context, workspace, base, undone)
    } catch (error) {
      if (!(error instanceof BelayError) || !AGENTS_DOING.has(error.code)) throw error
      const what = `git cannot take in the files that were left: ${error.message}`
      return this.#keepNothing(base, { ...undone, tampered: [...undone.tampered, what] }, null)
    }
  }

  async #keepFiles(context: Context, workspace: Workspace, base: string, undone: Undone): Promise<Kept> {
    const { root, owned, preparation } = this.#options
    const inside = await this.#submoduleChanges(workspace, base)
    if (inside !== null) return this.#keepNothing(base, undone, inside)
    let tree = await snapshotTree(workspace.path, ownIndex(workspace), await preparation.products(workspace))
    const changes = await changedPaths(root, base, tree)
    const notOurs = changes.filter((change) => owned.some((one) => covers(one, change.path)))
    const dropped = notOurs.map((change) => `edit of ${change.path} dropped: the source's files are Belay's to change`)
    if (notOurs.length > 0) {
      const edits = new Map<string, TreeEdit>(
        notOurs.map((change) => [
          change.path,
          change.status === 'A' ? null : { mode: change.oldMode, id: change.oldId },
        ]),
      )
      tree = await editTree(root, tree, edits)
    }
    const pointers = changes.filter((change) => change.newMode === GITLINK || change.oldMode === GITLINK)
    const commit = await commitTree(root, {
      tree,
      parents: [base],
      message: 'belay: snapshot of an attempt\n',
      sign: false,
    })
    await this.keepSnapshot(context, commit)
    if (notOurs.length === 0) this.#ready.set(context.task.handle, tree)
    return {
      snapshot: { base, tree, commit },
      empty: changes.length === notOurs.length,
      tampered: undone.tampered,
      notes: [...undone.notes, ...dropped],
      blocked:
        pointers.length === 0
          ? null
          : {
              code: 'submodule_changed',
              message: `the change moves a submodule pointer or adds a nested repository: ${pointers.map((one) => one.path).join(', ')}`,
            },
    }
  }

  /** Why a task that changed submodules cannot continue, or null. Called before git looks into the submodules. */
  async #submoduleChanges(workspace: Workspace, base: string): Promise<Reason | null> {
    const known = submodulesOf(workspace)
    if (known.length === 0) return null
    const changes = await submoduleChanges(workspace.path, known, base, base)
    if (changes.length === 0) return null
    return { code: 'submodule_changed', message: changes.map((one) => one.message).join('; ') }
  }

  async #keepNothing(base: string, undone: Undone, blocked: Reason | null): Promise<Kept> {
    const tree = await treeOf(this.#options.root, base)
    return {
      snapshot: { base, tree, commit: base },
      empty: true,
      tampered: undone.tampered,
      notes: undone.notes,
      blocked,
    }
  }

  /** Protects a commit of the task from git's garbage collection. It replaces the commit kept before, and the candidate. */
  async keepSnapshot(context: Context, commit: string): Promise<void> {
    const { task, services } = context
    await this.#moveRefs(context, [
      { verb: 'update', ref: snapshotRef(services.run.id, task.handle), to: commit },
      { verb: 'delete', ref: candidateRef(services.run.id, task.handle) },
    ])
  }

  /**
   * Protects the candidate from garbage collection until it lands, and so the change in it before the tick (`change`, a tree).
   */
  async keepCandidate(context: Context, candidate: Candidate, change: string): Promise<void> {
    const { task, services } = context
    const message = 'belay: candidate\n'
    const hold = (tree: string, parent: string): Promise<string> =>
      commitTree(this.#options.root, { tree, parents: [parent], message, sign: false })
    const to = await hold(candidate.tree, await hold(change, candidate.tip))
    await this.#moveRefs(context, [{ verb: 'update', ref: candidateRef(services.run.id, task.handle), to }])
  }

  /** A proof workspace that holds exactly `commit`. No agent ever enters it. `releaseProof` gives it back. */
  async proofCheckout(context: Context, commit: string): Promise<Prepared> {
    return this.#put(context, 'proof', commit, null)
  }

  /** Removes everything from a proof workspace that is not in its tree, and restores what a gate changed. */
  async cleanProof(workspace: Workspace, commit: string): Promise<void> {
    await resetWorktree(workspace, commit, null)
    await this.#options.preparation.clean(workspace)
  }

  async releaseProof(handle: string): Promise<void> {
    await this.#options.pool.release(handle, 'proof')
  }

  /** A throwaway checkout of the candidate, for the reviewer. */
  async reviewCheckout(context: Context, candidate: Candidate): Promise<ReviewCheckout> {
    const { pool, root, guard } = this.#options
    const { task, services } = context
    const commit = await commitTree(root, {
      tree: candidate.tree,
      parents: [candidate.tip],
      message: `belay: candidate of ${task.handle}\n`,
      sign: false,
    })
    const { workspace } = await this.#put(context, 'review', commit, null)
    const watch = await guard.begin(workspace, services.run.id, task.handle)
    return {
      workspace,
      env: watch.env,
      endProcesses: () => endProcesses(context),
      release: async () => {
        const undone = await undo(context, watch)
        await pool.release(task.handle, 'review')
        return undone
      },
    }
  }

  /** The task has ended: frees its workspaces for others. */
  async done(handle: string): Promise<void> {
    this.#ready.delete(handle)
    await this.#options.pool.release(handle)
  }

  async #put(context: Context, purpose: Purpose, commit: string, branch: string | null): Promise<Prepared> {
    const { pool, preparation } = this.#options
    const { task, services } = context
    const leased = await pool.lease(purpose, task.handle, commit)
    if (!leased.fresh) await resetWorktree(leased, commit, branch)
    else if (branch !== null) await switchWorktree(leased, branch)
    const workspace = await this.#withSubmodules(leased)
    if (!leased.fresh) await preparation.clean(workspace)
    const wall = services.budget.watchWall()
    const failed = await preparation
      .prepare(workspace, {
        mark: taskMark(services.run.id, task.handle, task.epoch),
        signal: AbortSignal.any([context.signal, wall.signal]),
        emit: (events) => context.emit(events),
      })
      .finally(wall.dispose)
    // Copied while the checkout is known to be clean, so that what an agent adds to the real index has no effect.
    if (purpose === 'work') await seedIndex(workspace.gitDir, ownIndex(workspace))
    return { workspace, failed }
  }

  async #withSubmodules(workspace: Workspace): Promise<Workspace> {
    const { pool, root } = this.#options
    if (!existsSync(join(workspace.path, '.gitmodules'))) return workspace
    const submodules = await initSubmodules(workspace.path, root, submodulesOf(workspace))
    const state = { ...workspace.state, submodules }
    await pool.setState(workspace.path, state)
    return { ...workspace, state }
  }

  async #moveRefs(context: Context, commands: readonly RefCommand[]): Promise<void> {
    const { task, services } = context
    const fence: RefCommand = {
      verb: 'verify',
      ref: epochRef(services.run.id, task.handle),
      old: services.epochMark(task.handle),
    }
    const { root, moves } = this.#options
    if (await updateRefs(root, [fence, ...commands], moves)) return
    if ((await readRef(root, fence.ref)) === fence.old) throw refConflict(taskBranch(services.run.id, task.handle))
    throw new BelayError('lease_lost', `another process has taken over ${services.run.id}/${task.handle}`, {
      next: 'belay status',
    })
  }
}

/** Throws `setup_failed` if setup failed on the base: no task can fix that, so the run cannot begin. */
export function refuseSetup(failed: FailedGate | null): void {
  if (failed === null) return
  throw new BelayError('setup_failed', failed.why, {
    expected: 'workspace.setup makes a fresh checkout usable',
    next: 'try the command in a fresh clone, fix workspace.setup (or the code), then: belay run',
  })
}

/** The submodules of a workspace, as they were when it was made. */
function submodulesOf(workspace: Workspace): readonly Submodule[] {
  return (workspace.state['submodules'] as readonly Submodule[] | undefined) ?? []
}

/** Error codes of failures that files in a workspace can cause. */
const AGENTS_DOING: ReadonlySet<string> = new Set(['git_failed', 'git_missing'])

/** Belay's own index of a checkout, which an agent's `git add` does not touch. */
function ownIndex(workspace: Workspace): string {
  return join(workspace.gitDir, 'belay-index')
}

/**
 * Undoes what the agent changed, unless another process has taken the task over: that process undoes it, and works in the same
 * folders.
 */
async function undo(context: Context, watch: GuardWatch): ReturnType<GuardWatch['undo']> {
  const { task, services } = context
  await assertEpoch(services.record.read, services.run.id, task.handle, task.epoch)
  return watch.undo()
}

async function endProcesses({ task, services }: Context): Promise<void> {
  await endMarked(taskMark(services.run.id, task.handle, task.epoch))
}

function covers(owned: string, path: string): boolean {
  return owned.endsWith('/') ? path.startsWith(owned) : path === owned
}
