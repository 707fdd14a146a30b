/** The request to a search and its messages. A search runs in its own thread, so all of this must be cloneable. */
import type { Rules } from '../paths/rules.ts'

interface JobBase {
  /** Absolute path of the folder, or for grep the file, to search. */
  readonly named: string
  readonly rules: Rules
  /** Include what .gitignore names, and node_modules. */
  readonly ignored: boolean
  readonly limit: number
  readonly timeoutMs: number
}

export interface GlobJob extends JobBase {
  readonly kind: 'glob'
  readonly pattern: string
}

export interface GrepJob extends JobBase {
  readonly kind: 'grep'
  readonly pattern: string
  readonly ignoreCase: boolean
  readonly include: string | null
  /** Lines shown before and after a match. */
  readonly context: number
  /** The most characters of all matches together. */
  readonly maxText: number
}

export type Job = GlobJob | GrepJob

/** `begin` comes first, then a `part` for each find, and finally `end` or `problem`. */
export type Said =
  | { readonly type: 'begin' }
  | { readonly type: 'part'; readonly text: string; readonly count: number }
  | { readonly type: 'end'; readonly notes: readonly string[] }
  | { readonly type: 'problem'; readonly message: string }

export type Say = (said: Said) => void
