import { assertLease, type Lease } from './leases.ts'
import type { Reader, RecordStore } from './record.ts'

/**
 * Writes an intent: before an effect outside the record (a ref move, a checkout), so that after a crash it is known what may be
 * half done. The intent is removed after the effect. With `lease`, throws `lease_lost` unless this process still holds it.
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

/**
 * Removes an intent; one that is already gone is no error. With `lease`, throws `lease_lost` unless this process still holds
 * it.
 */
export async function dropIntent(record: RecordStore, key: string, lease: Lease | null): Promise<void> {
  await record.write(async (tx) => {
    if (lease) await assertLease(tx, lease)
    await tx.deleteFrom('intents').where('key', '=', key).execute()
  })
}
