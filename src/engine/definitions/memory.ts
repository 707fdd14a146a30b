import { join } from 'node:path'
import { readInside } from './read-inside.ts'
import type { Places } from './places.ts'

/** Instructions that every conversation gets. */
export interface MemoryFile {
  readonly path: string
  readonly text: string
}

export interface Memory {
  /** The user's first, then from the repository's root down to the workspace. */
  readonly files: readonly MemoryFile[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
}

/** The most characters of one file. A longer file is cut in its middle, with a note. */
const MAX = 48_000

/** Loads the chain of AGENTS.md files: the user's folder, the repository's root, and every folder down to the workspace. */
export async function loadMemory({ projectFolders, userFolder }: Places): Promise<Memory> {
  const [root] = projectFolders
  const chain = [
    ...(userFolder === null ? [] : [{ path: join(userFolder, 'AGENTS.md'), folder: userFolder }]),
    ...projectFolders.map((folder) => ({ path: join(folder, 'AGENTS.md'), folder: root ?? folder })),
  ]
  const files: MemoryFile[] = []
  const problems: string[] = []
  for (const { path, folder } of chain) {
    const read = await readInside(path, folder, MAX)
    if (read === null) continue
    if ('problem' in read) problems.push(read.problem)
    else if (read.text.trim() !== '') files.push({ path, text: read.text.trim() })
  }
  return { files, problems }
}
