import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CONFIG_FILES, foldersAbove } from './settings.ts'

/**
 * Looks at what Belay is told by in `cwd`; what it returns says, later, which of it is another one by then. Nothing of it counts
 * before the next command, but that one would be told by whoever changed it.
 */
export function watchConfig(cwd: string): () => readonly string[] {
  const before = contents(cwd)
  return () => {
    const now = contents(cwd)
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter((path) => before.get(path) !== now.get(path))
    return changed.map(
      (path) =>
        `${path} was changed while the agent was at work: it says what the next agent may do, so look at it first (git -C ${dirname(path)} diff)`,
    )
  }
}

function contents(cwd: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const path of foldersAbove(cwd).flatMap((folder) => CONFIG_FILES.map((name) => join(folder, name)))) {
    const content = contentOf(path)
    if (content !== null) found.set(path, content)
  }
  return found
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null // not there, or nothing that Belay could read either
  }
}
