import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Places } from './places.ts'

/** Names of all agent definitions, the nearest first; what they say is not looked at. */
export async function listAgentDefinitions(places: Places): Promise<string[]> {
  const found = await Promise.all(definitionFolders(places).map(markdownIn))
  return [...new Set(found.flat())]
}

/** Folders with definitions, the first one that has a name counts. */
export function definitionFolders({ projectFolders, userFolder }: Places): string[] {
  const project = projectFolders.toReversed().map((folder) => join(folder, '.belay', 'agents'))
  return userFolder === null ? project : [...project, join(userFolder, 'agents')]
}

/** Names of the markdown files in a folder, without their ending. */
export async function markdownIn(folder: string): Promise<string[]> {
  try {
    const files = await readdir(folder)
    return files.filter((file) => file.endsWith('.md')).map((file) => file.slice(0, -3))
  } catch {
    return [] // no such folder
  }
}
