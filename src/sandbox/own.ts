import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SandboxPolicy } from './port.ts'
import { isWithin, real } from './paths.ts'
import { stillCanonical } from './canonical.ts'

/**
 * Entries of a settings folder that need not be visible. They are written constantly, and concurrent writers would corrupt
 * them.
 */
const SCRATCH = /^(\.?tmp|cache|shell[-_]snapshots|logs?|debug|.*\.sqlite(-wal|-shm|-journal)?)$/

/** How a program's own folder is shown. */
export interface OwnFolder {
  readonly path: string
  /** Real paths that are shown read-only at the same place. */
  readonly shown: readonly string[]
  readonly links: readonly { readonly path: string; readonly to: string }[]
}

/** The existing folders of `own`. */
export function ownFolders(policy: SandboxPolicy): readonly OwnFolder[] {
  const write = new Set(policy.write.map(real))
  const folders = stillCanonical(policy.own).filter(
    (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
  )
  return folders.map((path) => {
    const names = readdirSync(path)
    const entries = names.map((name) => join(path, name)).filter((entry) => !write.has(entry))
    const isLink = (entry: string): boolean => lstatSync(entry).isSymbolicLink()
    const isShown = (entry: string): boolean =>
      !SCRATCH.test(entry.slice(path.length + 1)) && !folders.some((other) => other !== path && isWithin(other, entry))
    return {
      path,
      shown: entries.filter((entry) => !isLink(entry) && isShown(entry)),
      links: entries.filter(isLink).map((entry) => ({ path: entry, to: readlinkSync(entry) })),
    }
  })
}
