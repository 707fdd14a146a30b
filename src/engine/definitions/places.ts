import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isRepositoryRoot } from '../../core/repository.ts'

/** Where an agent's definition, instructions and skills are looked for. */
export interface Places {
  /** From the repository's root down to the workspace; only the workspace if it is in no repository. Absolute real paths. */
  readonly projectFolders: readonly string[]
  /** The user's own folder (`$XDG_CONFIG_HOME/belay`); null: none. */
  readonly userFolder: string | null
}

/**
 * The places for work in `workspace`. A surrounding repository counts only if it has the same owner as the workspace: in a
 * shared parent folder such as /tmp, anybody could put a `.git` and instructions.
 */
export function placesFor(workspace: string, userFolder: string | null): Places {
  const real = realpathSync(workspace)
  const owner = statSync(real).uid
  const upwards: string[] = []
  for (let folder = real; ; folder = dirname(folder)) {
    upwards.push(folder)
    if (isRepositoryRoot(folder) && statSync(folder).uid === owner)
      return { projectFolders: upwards.toReversed(), userFolder }
    if (dirname(folder) === folder) return { projectFolders: [real], userFolder }
  }
}
