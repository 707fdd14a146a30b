/** What a command runs besides itself. */
import type { Arg } from '../shell/arg.ts'

/** What is inside of a command. */
export type Inner =
  /**
   * Another command: program and arguments. `elsewhere`: in a folder, on a machine, that is not known. `note`: what a word of it
   * stands for, for people.
   */
  | {
      readonly kind: 'command'
      readonly argv: readonly Arg[]
      readonly elsewhere?: true
      readonly note?: string | null
    }
  /** A text that a shell runs. */
  | { readonly kind: 'script'; readonly text: string; readonly elsewhere?: true }
  /** It runs something, and nobody can say what. `rule` is the id of the finding. */
  | { readonly kind: 'doubt'; readonly reason: string; readonly rule?: string }

/** An argument that a shell runs. */
export function textInner(arg: Arg): Inner {
  return arg.kind === 'static'
    ? { kind: 'script', text: arg.value }
    : doubt(`a shell runs ${arg.raw}, which is not known`)
}

export function doubt(reason: string, rule?: string): Inner {
  return { kind: 'doubt', reason, ...(rule === undefined ? {} : { rule }) }
}
