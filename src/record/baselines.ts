import type { Reader, RecordStore } from './record.ts'
import { assertEpoch } from './tasks.ts'

/**
 * Stores a gate's baseline result for a base tree, so that the gate runs only once per (tree, gate, environment). Throws
 * `lease_lost` when the task that determined it was taken over.
 */
export async function putBaseline(
  record: RecordStore,
  baseline: {
    readonly key: string
    readonly project: string
    readonly gate: string
    readonly tree: string
    readonly data: unknown
  },
  by: { readonly run: string; readonly task: string; readonly epoch: number },
): Promise<void> {
  await record.write(async (tx) => {
    await assertEpoch(tx, by.run, by.task, by.epoch)
    const values = { ...baseline, data: JSON.stringify(baseline.data), created_at: record.now() }
    await tx
      .insertInto('baselines')
      .values(values)
      .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
      .execute()
  })
}

/** The stored baseline of a key; null: there is none. */
export async function getBaseline<T>(db: Reader, key: string): Promise<T | null> {
  const row = await db.selectFrom('baselines').select('data').where('key', '=', key).executeTakeFirst()
  return row ? (JSON.parse(row.data) as T) : null
}

/**
 * Deletes the baselines of a tree after they stopped a run: before the next try, somebody may have repaired the machine. Throws
 * `lease_lost` as `putBaseline`.
 */
export async function dropBaselines(
  record: RecordStore,
  of: { readonly project: string; readonly tree: string },
  by: { readonly run: string; readonly task: string; readonly epoch: number },
): Promise<void> {
  await record.write(async (tx) => {
    await assertEpoch(tx, by.run, by.task, by.epoch)
    await tx.deleteFrom('baselines').where('project', '=', of.project).where('tree', '=', of.tree).execute()
  })
}
