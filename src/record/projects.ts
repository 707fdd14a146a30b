import type { RecordStore } from './record.ts'

/** Makes a repository known, or notes where it lies now. */
export async function upsertProject(record: RecordStore, id: string, root: string): Promise<void> {
  await record.write(async (tx) => {
    await tx
      .insertInto('projects')
      .values({ id, root, created_at: record.now() })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ root }))
      .execute()
  })
}
