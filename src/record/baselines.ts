import type { Reader, RecordStore } from './record.ts'

/** Keeps what a gate said of a base tree, so that it is run once per (tree, gate, environment). */
export async function putBaseline(
  record: RecordStore,
  baseline: { readonly key: string; readonly project: string; readonly gate: string; readonly tree: string; readonly data: unknown },
): Promise<void> {
  await record.write(async (tx) => {
    const values = { ...baseline, data: JSON.stringify(baseline.data), created_at: record.now() }
    await tx
      .insertInto('baselines')
      .values(values)
      .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
      .execute()
  })
}

/** What is known of this key, or null. */
export async function getBaseline<T>(db: Reader, key: string): Promise<T | null> {
  const row = await db.selectFrom('baselines').select('data').where('key', '=', key).executeTakeFirst()
  return row ? (JSON.parse(row.data) as T) : null
}
