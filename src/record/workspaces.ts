import { assertLease, type Lease } from './leases.ts'
import type { Reader, RecordStore } from './record.ts'

export type WorkspacePurpose = 'work' | 'proof' | 'review'

/** A checkout that Belay created and must remove again. */
export interface WorkspaceRow {
  readonly path: string
  readonly project: string
  readonly run: string
  readonly purpose: WorkspacePurpose
  /** The task that it is leased to; null: free. */
  readonly task: string | null
  /** What workspace setup did there. */
  readonly state: Readonly<Record<string, unknown>>
}

/**
 * Stores a workspace before its folder is created, or updates the task and state of a stored one. With `lease`, throws
 * `lease_lost` unless this process still holds it.
 */
export async function putWorkspace(record: RecordStore, row: WorkspaceRow, lease: Lease | null): Promise<void> {
  await record.write(async (tx) => {
    if (lease) await assertLease(tx, lease)
    const values = { ...row, state: JSON.stringify(row.state), created_at: record.now() }
    await tx
      .insertInto('workspaces')
      .values(values)
      .onConflict((conflict) => conflict.column('path').doUpdateSet({ task: values.task, state: values.state }))
      .execute()
  })
}

/** Deletes a workspace's row after its folder is gone. With `lease`, throws `lease_lost` unless this process still holds it. */
export async function dropWorkspace(record: RecordStore, path: string, lease: Lease | null): Promise<void> {
  await record.write(async (tx) => {
    if (lease) await assertLease(tx, lease)
    await tx.deleteFrom('workspaces').where('path', '=', path).execute()
  })
}

/** Workspaces of a run (absent: of all runs), ordered by path. */
export async function listWorkspaces(db: Reader, run?: string): Promise<WorkspaceRow[]> {
  const all = db.selectFrom('workspaces').selectAll().orderBy('path')
  const rows = await (run === undefined ? all : all.where('run', '=', run)).execute()
  return rows.map((row) => ({
    path: row.path,
    project: row.project,
    run: row.run,
    purpose: row.purpose as WorkspacePurpose,
    task: row.task,
    state: JSON.parse(row.state) as Record<string, unknown>,
  }))
}
