import { assertLease, type Lease } from './leases.ts'
import type { Reader, RecordStore } from './record.ts'

/**
 * An intent is written before an effect outside the record (a ref move, a checkout) and removed after it, so that whoever
 * comes after a crash knows what may have been half done. With `lease` it is written only while that is ours.
 */
export async function putIntent(
  record: RecordStore,
  key: string,
  run: string,
  data: unknown,
  lease: Lease | null,
): Promise<void> {
  await record.write(async (tx) => {
    if (lease) await assertLease(tx, lease)
    const values = { key, run, data: JSON.stringify(data), created_at: record.now() }
    await tx
      .insertInto('intents')
      .values(values)
      .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
      .execute()
  })
}

/** The intent's data, or null. */
export async function getIntent<T>(db: Reader, key: string): Promise<T | null> {
  const row = await db.selectFrom('intents').select('data').where('key', '=', key).executeTakeFirst()
  return row ? (JSON.parse(row.data) as T) : null
}

/** Removes an intent; nothing happens when it is gone. With `lease` only while that is ours. */
export async function dropIntent(record: RecordStore, key: string, lease: Lease | null): Promise<void> {
  await record.write(async (tx) => {
    if (lease) await assertLease(tx, lease)
    await tx.deleteFrom('intents').where('key', '=', key).execute()
  })
}
