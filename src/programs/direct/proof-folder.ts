import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../../core/ids.ts'
import { runGate, type Evidence, type GateSpec } from '../../gates/index.ts'
import { git } from '../../git/run.ts'
import { seedIndex } from '../../git/trees.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { taskMark } from '../../process/index.ts'
import type { Workspace } from '../../workspace/pool.ts'
import type { DirectServices } from './services.ts'
import type { FailedGate } from './state.ts'

type Context = PhaseContext<DirectServices>

/** A checkout in which gates run, and the facts needed to detect whether they changed it. */
export interface ProofFolder {
  readonly workspace: Workspace
  readonly commit: string
  /** The commit that `commit` is compared with. */
  readonly tip: string
  readonly tree: string
  readonly index: string
}

/** Makes a checkout of a commit in which gates can run. `failed`: the setup that failed, or null. */
export async function openProof(
  context: Context,
  what: Pick<ProofFolder, 'commit' | 'tip' | 'tree'>,
): Promise<{ folder: ProofFolder; failed: FailedGate | null }> {
  const { workspace, failed } = await context.services.workspaces.proofCheckout(context, what.commit)
  const index = join(context.services.scratch, `proof-index-${randomId(8)}`)
  await seedIndex(workspace.gitDir, index)
  return { folder: { ...what, workspace, index }, failed }
}

/** Runs a gate and restores the checkout. A gate that changed tracked files has failed. */
export async function observeGate(context: Context, gate: GateSpec, folder: ProofFolder): Promise<Evidence> {
  const seen = await observe(context, gate, folder)
  const changed = await changedFiles(folder)
  await context.services.workspaces.cleanProof(folder.workspace, folder.commit)
  if (changed.length === 0) return seen
  const message = `it changed files of the tree that it was to prove: ${changed.slice(0, 20).join(', ')}`
  return { ...seen, result: 'fail', reason: { code: CHANGED_TREE, message } }
}

/** Code of a gate that changed files of the tree it was run on. */
export const CHANGED_TREE = 'gate_changed_tree'

/**
 * Runs a gate and leaves the checkout as the gate left it. Throws the reason if Belay ended the gate (interrupted, or the run's
 * time is used up): it then has no result.
 */
export async function observe(
  { services, task, signal }: Context,
  gate: GateSpec,
  folder: ProofFolder,
): Promise<Evidence> {
  const reportDir = join(services.scratch, `reports-${randomId(8)}`)
  await mkdir(reportDir, { recursive: true })
  const sandbox = await services.confine(folder.workspace.path, [reportDir], signal)
  const wall = services.budget.watchWall()
  const ended = AbortSignal.any([signal, wall.signal])
  try {
    const seen = await runGate(gate, {
      root: folder.workspace.path,
      tree: folder.tree,
      env: services.gateEnv,
      mark: taskMark(services.run.id, task.handle, task.epoch),
      signal: ended,
      reportDir,
      spawn: sandbox.spawn,
    })
    ended.throwIfAborted()
    return seen
  } finally {
    wall.dispose()
    await sandbox.close()
    await rm(reportDir, { recursive: true, force: true })
  }
}

/** Tracked files that differ from the tree, determined with an index that the gate could not reach. */
async function changedFiles(folder: ProofFolder): Promise<string[]> {
  const status = await git(
    ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=no', '--ignore-submodules=none'],
    {
      cwd: folder.workspace.path,
      env: { GIT_INDEX_FILE: folder.index },
    },
  )
  return status
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(3))
}

/** Appends the event of a finished gate. */
export async function report(context: Context, phase: string, seen: Evidence): Promise<void> {
  await context.emit([
    {
      type: 'gate.finished',
      data: {
        gate: seen.gate,
        phase,
        attempt: context.task.attempt,
        result: seen.result,
        reason: seen.reason,
        exit_code: seen.exitCode,
        signal: seen.signal,
        timed_out: seen.timedOut,
        duration_ms: seen.durationMs,
        tree: seen.tree,
        counts: seen.report?.counts ?? null,
      },
    },
  ])
}
