import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where an agent's definition, instructions and skills are looked for. */
export interface Places {
  /** From the repository's root down to the workspace; only the workspace when it is in no repository. Absolute, real. */
  readonly projectFolders: readonly string[]
  /** The user's own folder (`$XDG_CONFIG_HOME/belay`); null: none. */
  readonly userFolder: string | null
}

/** The places for work in `workspace`. */
export function placesFor(workspace: string, userFolder: string | null): Places {
  const real = realpathSync(workspace)
  const upwards: string[] = []
  for (let folder = real; ; folder = dirname(folder)) {
    upwards.push(folder)
    if (existsSync(join(folder, '.git'))) return { projectFolders: upwards.toReversed(), userFolder }
    if (dirname(folder) === folder) return { projectFolders: [real], userFolder }
  }
}
