import type { Folder } from './folder.ts'

/** A command that was found, and where. */
export interface FoundCommand {
  readonly run: string
  /** A few words for a comment. */
  readonly why: string
}

/** What a detector found in one folder. */
export interface Ecosystem {
  /** The usual name, e.g. `TypeScript`. */
  readonly language: string
  /** Package manager or build tool, or null. */
  readonly manager: string | null
  /** Test command first, then lint and type check. */
  readonly gates: readonly FoundCommand[]
  readonly setup: readonly FoundCommand[]
  /** Files in the folder; setup must run again when one of them changes. */
  readonly inputs: readonly string[]
  /** What setup and gates create in the folder, and git should ignore. */
  readonly byproducts: readonly string[]
  /** Programs that the commands need. */
  readonly programs: readonly string[]
  readonly notes: readonly string[]
}

export interface Tools {
  /** Whether the program is on PATH. */
  installed(program: string): boolean
}

/** Returns null if the folder contains nothing of this language. Only reads. */
export type Detector = (folder: Folder, tools: Tools) => Ecosystem | null

/** The existing ones of `names`. */
export function present(folder: Folder, names: readonly string[]): string[] {
  return names.filter((name) => folder.has(name))
}
