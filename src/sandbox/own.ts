import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SandboxPolicy } from './port.ts'
import { isWithin, real } from './paths.ts'
import { stillCanonical } from './canonical.ts'

/** What is in a folder of settings, but need not be seen: it is written all the time, and by several it would be broken. */
const SCRATCH = /^(\.?tmp|cache|shell[-_]snapshots|logs?|debug|.*\.sqlite(-wal|-shm|-journal)?)$/

/** A program's own folder, as it is to be shown. */
export interface OwnFolder {
  readonly path: string
  /** Real paths that are shown read-only at the same place. */
  readonly shown: readonly string[]
  readonly links: readonly { readonly path: string; readonly to: string }[]
}

/** The folders of `own` that are there. */
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
