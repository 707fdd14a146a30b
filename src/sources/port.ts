/**
 * The source port: where tasks come from. A source reads files of one commit or folder and never writes; ticks are text edits
 * that it hands out.
 */

/**
 * Reads the files that a source is made of, from the base commit's tree or a folder. Paths are relative to the repository root,
 * `/` separated.
 */
export interface SourceFiles {
  /** The file's text, or null when there is none. */
  read(path: string): Promise<string | null>
  /** Names of the entries of a folder (folders end in `/`), sorted; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>
}

/** `explicit`: written in the source. `group`: from the order of parallel groups. `order`: from file order. */
export type DependencyKind = 'explicit' | 'group' | 'order'

export interface Dependency {
  readonly handle: string
  readonly kind: DependencyKind
}

export interface SourceTask {
  readonly handle: string
  readonly title: string
  /** Ticked in the source. */
  readonly done: boolean
  readonly dependsOn: readonly Dependency[]
  /** Completion criteria, each a sentence a reviewer can check. */
  readonly criteria: readonly string[]
  /** Subject of the task's commit. */
  readonly subject: string
}

export interface PromptSection {
  readonly title: string
  /** Untrusted text; whoever composes the prompt caps and fences it. */
  readonly content: string
}

export interface PromptParts {
  readonly instructions: readonly string[]
  readonly sections: readonly PromptSection[]
}

/** A text edit of one source file. */
export interface Tick {
  readonly path: string
  /** The file's text with the task marked done; the same text when it is already; null when the task is not in this text. */
  apply(text: string): string | null
}

export interface Source {
  readonly kind: 'prompt' | 'spec-kit' | 'openspec'
  /** The feature or change, as `--feature` names it; null for a prompt. */
  readonly feature: string | null
  /** Files and folders (ending in `/`) that never belong to a task's change. */
  readonly owned: readonly string[]
  /** In file order. */
  readonly tasks: readonly SourceTask[]
  /** What the user did not ask about but should know (with file and line). */
  readonly warnings: readonly string[]
  /** The handle a user's selector means, or null. */
  resolve(selector: string): string | null
  implementPrompt(handle: string): PromptParts
  reviewPrompt(handle: string): PromptParts
  /** null when the source has nothing to tick (a prompt). */
  tick(handle: string): Tick | null
}
