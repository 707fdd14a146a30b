import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Places } from './places.ts'

/** Names of all agent definitions, the nearest first. The files are not read. */
export async function listAgentDefinitions(places: Places): Promise<string[]> {
  const found = await Promise.all(definitionFolders(places).map(markdownIn))
  return [...new Set(found.flat())]
}

/** Folders that hold definitions. Where a name exists in several, the first folder wins. */
export function definitionFolders({ projectFolders, userFolder }: Places): string[] {
  const project = projectFolders.toReversed().map((folder) => join(folder, '.belay', 'agents'))
  return userFolder === null ? project : [...project, join(userFolder, 'agents')]
}

/** Names of the Markdown files in a folder, without the extension. */
export async function markdownIn(folder: string): Promise<string[]> {
  try {
    const files = await readdir(folder)
    return files.filter((file) => file.endsWith('.md')).map((file) => file.slice(0, -3))
  } catch {
    return [] // no such folder
  }
}
