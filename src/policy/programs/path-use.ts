/** The use that a command makes of a path. */
import type { Arg } from '../shell/arg.ts'

/** `read`: reads it. `write`: creates or changes it. `delete`: removes it. `touch`: unknown which of these. */
export type Effect = 'read' | 'write' | 'delete' | 'touch'

export interface PathUse {
  readonly arg: Arg
  readonly effect: Effect
  /** Including everything below it. */
  readonly recursive: boolean
  /** Not the whole folder, but what the command matches in it. */
  readonly within?: true
}

/** Whether the argument itself shows that it is a path (and no URL); an unknown argument does so only by its beginning. */
export function looksLikePath(arg: Arg): boolean {
  if (arg.kind === 'dynamic') return /^(\.{0,2}\/|~)/.test(arg.head)
  return (
    (/\//.test(arg.value) && !/^[a-z][a-z0-9+.-]*:\/\//i.test(arg.value)) ||
    /^\.\.?$/.test(arg.value) ||
    arg.value.startsWith('.env')
  )
}
