import type { Reader, RecordStore } from './record.ts'

/** Stores a project; for a known one, updates where its repository is. */
export async function upsertProject(record: RecordStore, id: string, root: string): Promise<void> {
  await record.write(async (tx) => {
    await tx
      .insertInto('projects')
      .values({ id, root, created_at: record.now() })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ root }))
      .execute()
  })
}

/** Whether the record knows a project with this id. */
export async function isKnownProject(db: Reader, id: string): Promise<boolean> {
  return (await db.selectFrom('projects').select('id').where('id', '=', id).executeTakeFirst()) !== undefined
}
