import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Total bytes of all files below `folder`. Files that vanish meanwhile count as nothing; links are not followed. */
export async function sizeOf(folder: string): Promise<number> {
  const found = await lstat(folder).catch(() => null)
  if (found === null) return 0
  if (!found.isDirectory()) return found.size
  let size = 0
  for (const name of await readdir(folder).catch(() => [])) size += await sizeOf(join(folder, name))
  return size
}
