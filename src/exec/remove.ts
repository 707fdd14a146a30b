import type { SessionStore } from '../sessions/index.ts'

/**
 * Removes a session. Throws `held` when somebody has it, unless `force` takes it away; with `dryRun` only finds out whether it
 * could.
 */
export async function removeSession(store: SessionStore, id: string, force: boolean, dryRun = false): Promise<void> {
  await store.get(id)
  if (!dryRun) await store.remove(id, force)
}
