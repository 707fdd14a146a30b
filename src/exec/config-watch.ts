import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CONFIG_FILES, foldersAbove } from './settings.ts'

/**
 * Remembers the configuration files that apply in `cwd`, and returns a function that reports which of them have changed since.
 * A change has no effect before the next command, but its author would decide what that command may do.
 */
export function watchConfig(cwd: string): () => readonly string[] {
  const before = contents(cwd)
  return () => {
    const now = contents(cwd)
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter((path) => before.get(path) !== now.get(path))
    return changed.map(
      (path) =>
        `${path} was changed while the agent was at work; it decides what the next agent may do, so look at it first (git -C ${dirname(path)} diff)`,
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
    return null // missing, or unreadable for Belay as well
  }
}
