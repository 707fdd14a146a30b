import type { Folder } from './folder.ts'

/** A command that was found, and what it was found by. */
export interface FoundCommand {
  readonly run: string
  /** A few words for a comment. */
  readonly why: string
}

/** What a detector found in one folder. */
export interface Ecosystem {
  /** As people call it, e.g. `TypeScript`. */
  readonly language: string
  /** Package manager or build tool, or null. */
  readonly manager: string | null
  /** Test command first, then lint and type check. */
  readonly gates: readonly FoundCommand[]
  readonly setup: readonly FoundCommand[]
  /** Files of the folder whose change means that setup is to be done again. */
  readonly inputs: readonly string[]
  /** What setup and gates put into the folder, and git should ignore. */
  readonly byproducts: readonly string[]
  /** Programs that the commands need. */
  readonly programs: readonly string[]
  readonly notes: readonly string[]
}

export interface Tools {
  /** The program is on PATH. */
  installed(program: string): boolean
}

/** Null when the folder holds nothing of this language. Reads only. */
export type Detector = (folder: Folder, tools: Tools) => Ecosystem | null

/** Those of `names` that are there. */
export function present(folder: Folder, names: readonly string[]): string[] {
  return names.filter((name) => folder.has(name))
}
