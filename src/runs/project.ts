import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BelayError } from '../core/errors.ts'
import { locateRepository, projectId } from '../git/repository.ts'
import { isKnownProject, type RecordStore } from '../record/index.ts'

/** What work belongs to: a repository or, outside of one, a folder. */
export interface Project {
  readonly id: string
  /** Absolute, without symbolic links. */
  readonly root: string
  readonly kind: 'repository' | 'folder'
}

/**
 * The project of a folder. If there is a repository that git refuses, throws its error (such as `unsafe_repository`). Throws
 * `git_missing` only if there is a repository.
 */
export async function projectOf(folder: string): Promise<Project> {
  const place = await realpath(folder)
  try {
    const { id, root } = await locateRepository(place)
    return { id, root, kind: 'repository' }
  } catch (error) {
    if (!(error instanceof BelayError) || !isNoRepository(error, place)) throw error
    return { id: projectId(place), root: place, kind: 'folder' }
  }
}

/**
 * The project of the current folder, for commands that show runs. Outside of repositories: the nearest folder, at or above
 * `cwd`, that Belay knows. Throws as `openRepository` if there is neither, so usually `no_repository`.
 */
export async function projectHere(record: RecordStore, cwd: string): Promise<Project> {
  const place = await realpath(cwd)
  try {
    const { id, root } = await locateRepository(place)
    return { id, root, kind: 'repository' }
  } catch (error) {
    for (const folder of upwards(place)) {
      const id = projectId(folder)
      if (await isKnownProject(record.read, id)) return { id, root: folder, kind: 'folder' }
    }
    throw error
  }
}

function isNoRepository(error: BelayError, folder: string): boolean {
  if (error.code === 'no_repository' || error.code === 'bare_repository') return true
  return error.code === 'git_missing' && !upwards(folder).some((above) => existsSync(join(above, '.git')))
}

/** `folder` and all folders above it. */
function upwards(folder: string): string[] {
  const above = dirname(folder)
  return above === folder ? [folder] : [folder, ...upwards(above)]
}
