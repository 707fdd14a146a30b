/** The result of scanning a script. */
import type { Arg } from './arg.ts'
import type { Cwds } from './folders.ts'
import type { Survey } from './survey.ts'

/** What a command's standard input is. */
export type Stdin =
  | { readonly kind: 'inherited' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'pipe'; readonly from: readonly Call[] }

export interface FileRedirect {
  readonly part: string
  readonly effect: 'read' | 'write' | 'both'
  readonly target: Arg
}

/** One simple command. `argv` is empty for assignments and redirects without a command. */
export interface Call {
  readonly part: string
  readonly argv: readonly Arg[]
  readonly assigned: readonly { readonly name: string; readonly value: Arg | null }[]
  readonly redirects: readonly FileRedirect[]
  /** Folders in which it may run; null stands for any folder. */
  readonly cwds: Cwds
  readonly stdin: Stdin
}

export type Structure = 'substitution' | 'process-substitution' | 'subshell' | 'function' | 'background'

export interface Scan {
  readonly calls: readonly Call[]
  /** What could not be understood, so that the scan is incomplete. `broken`: the text is not a valid script. */
  readonly doubts: readonly { readonly part: string; readonly reason: string; readonly broken: boolean }[]
  readonly structures: readonly { readonly kind: Structure; readonly part: string }[]
  readonly survey: Survey
}

export interface Place {
  readonly home: string
  readonly cwds: Cwds
  readonly stdin: Stdin
}
