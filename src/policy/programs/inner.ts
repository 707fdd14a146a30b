/** What a command runs in addition to itself. */
import type { Arg } from '../shell/arg.ts'

/** One thing that a command runs. */
export type Inner =
  /**
   * Another command: program and arguments. `elsewhere`: in an unknown folder or on another machine. `note`: explains a word of
   * it to people.
   */
  | {
      readonly kind: 'command'
      readonly argv: readonly Arg[]
      readonly elsewhere?: true
      readonly note?: string | null
    }
  /** A text that a shell runs. */
  | { readonly kind: 'script'; readonly text: string; readonly elsewhere?: true }
  /** It runs something unknown. `rule` is the id of the finding. */
  | { readonly kind: 'doubt'; readonly reason: string; readonly rule?: string }

/** The argument as a text that a shell runs. */
export function textInner(arg: Arg): Inner {
  return arg.kind === 'static'
    ? { kind: 'script', text: arg.value }
    : doubt(`a shell runs ${arg.raw}, which is not known`)
}

export function doubt(reason: string, rule?: string): Inner {
  return { kind: 'doubt', reason, ...(rule === undefined ? {} : { rule }) }
}
