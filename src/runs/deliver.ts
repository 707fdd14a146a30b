import type { RecordStore, RunRow } from '../record/index.ts'
import type { DirectServices } from '../programs/direct/services.ts'

export async function deliver(_record: RecordStore, _run: RunRow, _services: DirectServices): Promise<void> {}
