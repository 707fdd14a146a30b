import { assertLease, type Lease } from './leases.ts'
import type { Reader, RecordStore } from './record.ts'

export type WorkspacePurpose = 'work' | 'proof' | 'review'

/** A checkout that Belay made and must take away again. */
export interface WorkspaceRow {
  readonly path: string
  readonly project: string
  readonly run: string
  readonly purpose: WorkspacePurpose
  /** Task that it is leased to; null when free. */
  readonly task: string | null
  /** What setup did there. */
  readonly state: Readonly<Record<string, unknown>>
}

/** Notes a workspace before its folder is made, or changes what is known of it. With `lease` only while that is ours. */
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

/** Forgets a workspace after its folder is gone. With `lease` only while that is ours. */
export async function dropWorkspace(record: RecordStore, path: string, lease: Lease | null): Promise<void> {
  await record.write(async (tx) => {
    if (lease) await assertLease(tx, lease)
    await tx.deleteFrom('workspaces').where('path', '=', path).execute()
  })
}

/** Workspaces of a run, or of all, by path. */
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
