import type { RecordStore, Writer } from './record.ts'

/**
 * An effect outside the record. It is queued in the transaction that decides on it, and carried out afterwards, once per key.
 */
export interface NewDelivery {
  /** Idempotency key: an effect that is queued twice is carried out once. */
  readonly key: string
  readonly kind: string
  readonly payload: unknown
}

export interface Delivery extends NewDelivery {
  readonly id: number
  readonly run: string
  readonly tries: number
}

/** Queues effects in the caller's transaction. A key that already exists stays as it is. */
export async function queueDeliveries(
  tx: Writer,
  run: string,
  now: string,
  rows: readonly NewDelivery[],
): Promise<void> {
  for (const row of rows) {
    await tx
      .insertInto('outbox')
      .values({
        key: row.key,
        run,
        kind: row.kind,
        payload: JSON.stringify(row.payload),
        error: null,
        created_at: now,
        done_at: null,
      })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .execute()
  }
}

/** Effects of a run that have not been carried out yet, oldest first. */
export async function pendingDeliveries(record: RecordStore, run: string): Promise<Delivery[]> {
  const rows = await record.read
    .selectFrom('outbox')
    .selectAll()
    .where('run', '=', run)
    .where('done_at', 'is', null)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    key: row.key,
    run: row.run,
    kind: row.kind,
    tries: row.tries,
    payload: JSON.parse(row.payload) as unknown,
  }))
}

/** Counts one try. Called before the effect, so that a crash counts as a try. */
export async function beginDelivery(record: RecordStore, id: number): Promise<void> {
  await record.write(async (tx) => {
    await tx
      .updateTable('outbox')
      .set((e) => ({ tries: e('tries', '+', 1) }))
      .where('id', '=', id)
      .execute()
  })
}

/** Stores that an effect was carried out, or given up with `error`. */
export async function endDelivery(record: RecordStore, id: number, error: string | null): Promise<void> {
  await record.write(async (tx) => {
    await tx.updateTable('outbox').set({ done_at: record.now(), error }).where('id', '=', id).execute()
  })
}
