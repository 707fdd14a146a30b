import { mkdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ensureWorktree, removeWorktree, type Worktree } from '../git/worktrees.ts'
import {
  assertLease,
  dropWorkspace,
  listWorkspaces,
  putWorkspace,
  type Lease,
  type RecordStore,
  type WorkspaceRow,
} from '../record/index.ts'

export type Purpose = WorkspaceRow['purpose']

/** A checkout leased to a task. */
export interface Workspace extends Worktree {
  readonly purpose: Purpose
  /** What setup stored for this workspace; see `setState`. */
  readonly state: Readonly<Record<string, unknown>>
}

/**
 * Up to this many tasks that wait for a person or for time keep their checkouts; beyond that, a task at work takes one over.
 */
const MOST_RESTING = 4

export interface PoolOptions {
  readonly record: RecordStore
  readonly project: string
  readonly run: string
  /** The user's checkout, for git commands. */
  readonly root: string
  /** Folder below which workspaces are created. */
  readonly folder: string
  /** Folder through which all Belay processes that work in one repository coordinate. */
  readonly meeting: string
  /**
   * The run's lease, which every write requires. null for callers without it, which may only act on workspaces that nobody
   * uses.
   */
  readonly lease: Lease | null
}

/**
 * The workspaces of a run: created when first needed and handed from task to task, so that a big repository is checked out a
 * bounded number of times. A task keeps its path until it gives the workspace back, or loses it while it waits and many others
 * do; its work is in its snapshot. A workspace is in the record before it is on disk.
 */
export class WorkspacePool {
  readonly #options: PoolOptions
  /** Leases change one at a time, so that two tasks never get the same free workspace. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Tasks that this process is working on. */
  readonly #atWork = new Set<string>()

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get folder(): string {
    return join(this.#options.folder, this.#options.run)
  }

  /**
   * Leases a workspace to `task`: the one that it has, a free one, or a new one (`fresh`), which is checked out at `commit` and
   * contains nothing else. One that is not fresh must be reset by the caller.
   */
  async lease(purpose: Purpose, task: string, commit: string): Promise<Workspace & { readonly fresh: boolean }> {
    this.#atWork.add(task)
    const row = await this.#alone(() => this.#pick(purpose, task))
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    const worktree = await ensureWorktree(this.#options.root, row.path, commit, this.#options.meeting)
    if (worktree.fresh && Object.keys(row.state).length > 0)
      await putWorkspace(this.#options.record, { ...row, state: {} }, this.#options.lease)
    return { ...worktree, purpose, state: worktree.fresh ? {} : row.state }
  }

  async #pick(purpose: Purpose, task: string): Promise<WorkspaceRow> {
    const { record, project, run, lease } = this.#options
    const rows = (await listWorkspaces(record.read, run)).filter((row) => row.purpose === purpose)
    const own = rows.find((row) => row.task === task) ?? rows.find((row) => row.task === null)
    const resting = rows.filter((row) => row.task !== null && !this.#atWork.has(row.task))
    const known = own ?? (resting.length >= MOST_RESTING ? resting[0] : undefined)
    const path = known?.path ?? join(this.folder, nextName(purpose, rows))
    const row = { path, project, run, purpose, task, state: known?.state ?? {} }
    await putWorkspace(record, row, lease)
    return row
  }

  /** The workspace that `task` holds, or null. */
  async held(purpose: Purpose, task: string): Promise<WorkspaceRow | null> {
    const rows = await listWorkspaces(this.#options.record.read, this.#options.run)
    return rows.find((row) => row.purpose === purpose && row.task === task) ?? null
  }

  /** Stores what setup did in a workspace. */
  async setState(path: string, state: Readonly<Record<string, unknown>>): Promise<void> {
    const { record, run, lease } = this.#options
    const row = (await listWorkspaces(record.read, run)).find((one) => one.path === path)
    if (row) await putWorkspace(record, { ...row, state }, lease)
  }

  /** Call it when `task` waits for somebody or something: it keeps its workspace only while few tasks do so. Repeatable. */
  rest(task: string): void {
    this.#atWork.delete(task)
  }

  /** Gives back what `task` holds (with `purpose`: only that workspace). Repeatable. */
  async release(task: string, purpose?: Purpose): Promise<void> {
    const { record, run, lease } = this.#options
    if (purpose === undefined) this.#atWork.delete(task)
    await this.#alone(async () => {
      for (const row of await listWorkspaces(record.read, run)) {
        if (row.task === task && (purpose === undefined || row.purpose === purpose)) {
          await putWorkspace(record, { ...row, task: null }, lease)
        }
      }
    })
  }

  /** Removes the run's workspaces that no task holds (all of them with `held`), files before rows. */
  async clear(held = false): Promise<void> {
    const { record, run, root, lease, meeting } = this.#options
    for (const row of await listWorkspaces(record.read, run)) {
      if (row.task !== null && !held) continue
      if (lease) await assertLease(record.read, lease)
      await removeWorktree(root, row.path, meeting)
      await dropWorkspace(record, row.path, lease)
    }
    await removeEmpty(this.folder)
    await removeEmpty(dirname(this.folder))
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work, work)
    this.#turn = next.catch(() => {})
    return next
  }
}

function nextName(purpose: Purpose, rows: readonly WorkspaceRow[]): string {
  const taken = new Set(rows.map((row) => row.path.slice(row.path.lastIndexOf('/') + 1)))
  for (let n = 1; ; n++) if (!taken.has(`${purpose}-${n}`)) return `${purpose}-${n}`
}

async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {}) // not empty, or gone: both are fine
}

/** Creates the folder for temporary files of a run (indexes, reports); `removeScratch` removes it. */
export async function makeScratch(home: string, run: string): Promise<string> {
  const folder = join(home, 'tmp', run)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}

/** Removes a run's temporary files. */
export async function removeScratch(home: string, run: string): Promise<void> {
  await rm(join(home, 'tmp', run), { recursive: true, force: true })
  await removeEmpty(join(home, 'tmp'))
}
