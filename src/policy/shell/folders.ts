/** The working directory of a script: `cd` changes it, and may fail. */
import { isAbsolute, resolve } from 'node:path'
import type { Arg } from './arg.ts'

/** Folders in which a command may run; null stands for any folder. */
export type Cwds = readonly (string | null)[]

const MOST = 8

export function union(...lists: readonly Cwds[]): Cwds {
  const all = [...new Set(lists.flat())]
  return all.length <= MOST ? all : [...all.slice(0, MOST - 1), null]
}

/** Where `cd`, `pushd` or `popd` leads from `cwds`. The name is the first word of `argv`; anything else leads anywhere. */
export function moved(argv: readonly Arg[], cwds: Cwds, home: string): Cwds {
  const [name, ...rest] = argv
  if (name?.kind !== 'static' || (name.value !== 'cd' && name.value !== 'pushd')) return [null]
  const targets = rest.filter((arg) => arg.kind !== 'static' || !/^(-[LPe@]+|--)$/.test(arg.value))
  const target = targets[0]
  if (target === undefined) return name.value === 'cd' ? [home] : [null]
  if (targets.length > 1 || target.kind !== 'static' || /^[-+]/.test(target.value)) return [null]
  return union(cwds.map((cwd) => resolvedIn(cwd, target.value)))
}

/** `path` as seen from `cwd`; null: unknown. */
export function resolvedIn(cwd: string | null, path: string): string | null {
  if (isAbsolute(path)) return resolve(path)
  return cwd === null ? null : resolve(cwd, path)
}
