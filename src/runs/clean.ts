import { existsSync } from 'node:fs'
import { BelayError } from '../core/errors.ts'
import type { Reason, RunStatus, TaskStatus } from '../core/words.ts'
import { checkoutsOf } from '../git/follow/checkouts.ts'
import { branchRef, dropPrivateRefs, privateRefs, readRef, refsBelow, resolvedBranch, updateRefs } from '../git/refs.ts'
import type { Repository } from '../git/repository.ts'
import { removeTree } from '../git/remove-tree.ts'
import { git } from '../git/run.ts'
import { treeOf } from '../git/trees.ts'
import { stateOf } from '../programs/direct/state.ts'
import { workflowProgram } from '../programs/workflow/index.ts'
import {
  appendEvents,
  assertLease,
  changeRun,
  findRun,
  listRuns,
  listTasks,
  listWorkspaces,
  type Lease,
  type RecordStore,
  type RunRow,
  type TaskRow,
} from '../record/index.ts'
import { removeScratch } from '../workspace/pool.ts'
import { endJournal, moveJournal } from './guard.ts'
import { holdRun } from './lifecycle/hold.ts'
import { wantedTasks } from './outcome.ts'
import { workspacePool } from './services.ts'
import { workflowFolder } from './workflow/folder.ts'

export interface CleanRequest {
  readonly record: RecordStore
  readonly repository: Repository
  /** Only this run; null: every run of the repository. */
  readonly run: RunRow | null
  /** Also remove what has not landed. */
  readonly force: boolean
  /** Only report what would be done. */
  readonly dryRun: boolean
}

export interface CleanedRun {
  readonly run: string
  readonly workspaces: readonly string[]
  readonly branches: readonly string[]
}

export interface KeptRun {
  readonly run: string
  readonly reason: Reason
}

export interface CleanResult {
  readonly cleaned: readonly CleanedRun[]
  readonly kept: readonly KeptRun[]
}

const ENDED: ReadonlySet<RunStatus> = new Set(['done', 'blocked', 'replan', 'cancelled'])
const MOVING: ReadonlySet<TaskStatus> = new Set(['queued', 'running', 'waiting', 'suspended'])
const MANY_RUNS = 10_000

/**
 * Removes workspaces, branches and refs of runs that have ended. Sessions and the record stay. A run is kept, and listed with
 * the reason, when a process works on it, when it can still continue by itself, when one of its branches is checked out
 * somewhere, or (without `force`) when it has work that is in none of the user's branches. A cleaned run cannot be resumed or
 * retried. May be killed at any moment and repeated, because it acts on what is there.
 */
export async function cleanRuns(request: CleanRequest): Promise<CleanResult> {
  const { record, repository } = request
  const runs = request.run ? [request.run] : await listRuns(record.read, repository.id, MANY_RUNS)
  const cleaned: CleanedRun[] = []
  const kept: KeptRun[] = []
  for (const run of runs) {
    const done = await cleanRun(request, run)
    if (done === null) continue
    if ('reason' in done) kept.push(done)
    else cleaned.push(done)
  }
  return { cleaned, kept }
}

/** null: nothing of the run is left to remove. */
async function cleanRun(request: CleanRequest, run: RunRow): Promise<CleanedRun | KeptRun | null> {
  const { record, repository } = request
  const there = await whatIsThere(record, repository, run)
  if (there === null) return null
  const early = notEnded(run, await listTasks(record.read, run.id))
  if (early !== null) return { run: run.id, reason: early }
  return holdRun(record, repository, run, async (lease) => {
    if (lease === null) return { run: run.id, reason: { code: 'held', message: 'a process works on it' } }
    // Read again under the lease: another process may have resumed the run since it was listed.
    const now = (await findRun(record.read, run.id)) ?? run
    const tasks = await listTasks(record.read, run.id)
    const reason =
      notEnded(now, tasks) ??
      (await inUse(repository, there)) ??
      (request.force ? null : await unlanded(repository, now, tasks, there.branches))
    if (reason !== null) return { run: run.id, reason }
    if (!request.dryRun) await remove(request, now, lease)
    return { run: run.id, workspaces: there.workspaces, branches: there.branches.map(short) }
  })
}

interface Leftovers {
  readonly workspaces: readonly string[]
  /** Full ref names. */
  readonly branches: readonly string[]
  readonly refs: readonly string[]
}

async function whatIsThere(record: RecordStore, { root }: Repository, run: RunRow): Promise<Leftovers | null> {
  const folder = workflowFolder(record.home, run.id)
  const workspaces = [
    ...(await listWorkspaces(record.read, run.id)).map((row) => row.path),
    ...(existsSync(folder) ? [folder] : []),
  ]
  const branches = await refsBelow(root, [`refs/heads/belay/${run.id}/`])
  const refs = await refsBelow(root, privateRefs(run.id))
  return workspaces.length + branches.length + refs.length === 0 ? null : { workspaces, branches, refs }
}

function notEnded(run: RunRow, tasks: readonly TaskRow[]): Reason | null {
  const until = run.options['until']
  const moving = wantedTasks(tasks, typeof until === 'string' ? until : null).filter((task) => MOVING.has(task.status))
  if (ENDED.has(run.status) && moving.length === 0) return null
  const what =
    moving.length === 0 ? `it is ${run.status}` : moving.map((task) => `${task.handle} is ${task.status}`).join(', ')
  return {
    code: 'unfinished',
    message: `${what}: go on with belay resume ${run.id}, or give it up with belay cancel ${run.id}`,
  }
}

async function inUse({ root }: Repository, { branches, workspaces }: Leftovers): Promise<Reason | null> {
  for (const ref of branches) {
    const { here, away } = await checkoutsOf(root, ref)
    const other = [...here.map((one) => one.root), ...away].find((path) => !workspaces.includes(path))
    if (other !== undefined) return { code: 'checked_out', message: `${short(ref)} is checked out at ${other}` }
  }
  return null
}

/** How many commits of a ref no branch or tag of the user contains. */
async function ownCommits(root: string, ref: string): Promise<number> {
  const others = ['--not', '--exclude=belay/*', '--branches', '--remotes', '--tags', 'HEAD']
  return Number(await git(['rev-list', '--count', ref, ...others], { cwd: root }))
}

/**
 * Branches of a workflow, besides its result, that hold its work until the steps are merged: those of its steps, unless its
 * user gave the run up, and those on which a person resolved conflicts.
 */
function stepBranches(run: RunRow, branches: readonly string[]): string[] {
  if (run.program !== workflowProgram.name) return []
  const givenUp = run.status === 'cancelled' && run.reason?.code === 'cancelled'
  const resolved = branchRef(resolvedBranch(run.id, ''))
  return branches.filter((ref) => ref !== branchRef(run.resultBranch) && (!givenUp || ref.startsWith(resolved)))
}

const SHOWN_BRANCHES = 10

/**
 * Work that would be lost: commits of the result branch, or of a workflow's steps, that no branch of the user contains, and
 * changes of tasks that can still continue.
 */
async function unlanded(
  { root }: Repository,
  run: RunRow,
  tasks: readonly TaskRow[],
  branches: readonly string[],
): Promise<Reason | null> {
  const result = branchRef(run.resultBranch)
  if ((await readRef(root, result)) !== null) {
    const count = await ownCommits(root, result)
    if (count > 0) {
      const commits = count === 1 ? 'one commit' : `${count} commits`
      const how = run.finishCommand === null ? '' : `; land it with: ${run.finishCommand}`
      return { code: 'unlanded', message: `${run.resultBranch} has ${commits} that none of your branches has${how}` }
    }
  }
  const steps: string[] = []
  for (const ref of stepBranches(run, branches)) if ((await ownCommits(root, ref)) > 0) steps.push(short(ref))
  if (steps.length > 0) {
    const more = steps.length > SHOWN_BRANCHES ? ` and ${steps.length - SHOWN_BRANCHES} more` : ''
    const names = `${steps.slice(0, SHOWN_BRANCHES).join(', ')}${more} ${steps.length === 1 ? 'has' : 'have'}`
    return {
      code: 'unlanded',
      message: `${names} commits that none of your branches has; go on with belay retry, or remove them with: belay clean ${run.id} --force`,
    }
  }
  const begun: string[] = []
  for (const task of tasks) {
    if (task.status !== 'blocked' && task.status !== 'replan') continue
    const { snapshot } = stateOf(task)
    if (snapshot && snapshot.tree !== (await treeOf(root, snapshot.base))) begun.push(task.handle)
  }
  if (begun.length === 0) return null
  const what = `${begun.join(', ')} ${begun.length === 1 ? 'has a change that has' : 'have changes that have'} not landed`
  return {
    code: 'unlanded',
    message: `${what}; go on with belay unblock or belay retry, or give up with belay cancel ${run.id}`,
  }
}

async function remove({ record, repository }: CleanRequest, run: RunRow, lease: Lease): Promise<void> {
  const { root } = repository
  const moves = moveJournal(record.home, run.id)
  // Marked first, so that a run that was only partly removed cannot be resumed.
  await record.write(async (tx) => {
    await assertLease(tx, lease)
    const now = record.now()
    await changeRun(tx, run.id, now, { options: { ...run.options, cleaned: true }, finishCommand: null })
    await appendEvents(tx, now, [{ type: 'run.cleaned', project: run.project, run: run.id, actor: 'user' }])
  })
  await workspacePool(record, run, root).clear(true)
  await removeTree(workflowFolder(record.home, run.id))
  await removeScratch(record.home, run.id)
  await dropPrivateRefs(root, run.id, moves)
  const branches = await refsBelow(root, [`refs/heads/belay/${run.id}/`])
  if (
    branches.length > 0 &&
    !(await updateRefs(
      root,
      branches.map((ref) => ({ verb: 'delete', ref })),
      moves,
    ))
  ) {
    throw new BelayError('ref_moved', `a branch of run ${run.id} was moved by another process at this very moment`, {
      exit: 1,
      next: `belay clean ${run.id}`,
    })
  }
  await endJournal({ repository, record, moves })
}

function short(ref: string): string {
  return ref.replace(/^refs\/heads\//, '')
}
