/** What is asked of a search and what it says; it runs in a thread of its own, so all of it can be copied. */
import type { Rules } from '../paths/rules.ts'

interface JobBase {
  /** Absolute path to look in. */
  readonly named: string
  readonly rules: Rules
  /** Also what .gitignore names, and node_modules. */
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
  /** Characters of all answers together. */
  readonly maxText: number
}

export type Job = GlobJob | GrepJob

/** `begin` is the first, `part`s come as they are found, `end` or `problem` is the last. */
export type Said =
  | { readonly type: 'begin' }
  | { readonly type: 'part'; readonly text: string; readonly count: number }
  | { readonly type: 'end'; readonly notes: readonly string[] }
  | { readonly type: 'problem'; readonly message: string }

export type Say = (said: Said) => void
