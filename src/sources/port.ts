/**
 * The source port: where tasks come from. A source reads the files of one commit or folder and never writes; to tick a task
 * off, it returns a text edit.
 */

/** Reads a source's files from a commit's tree or a folder. Paths are relative to the repository root and separated by `/`. */
export interface SourceFiles {
  /** The file's text; null: there is no such file. */
  read(path: string): Promise<string | null>
  /** Names of the entries of a folder (folders end in `/`), sorted; empty when there is no such folder. */
  list(folder: string): Promise<readonly string[]>
}

/** `explicit`: written in the source. `group`: by the order of parallel groups. `order`: by the order in the file. */
export type DependencyKind = 'explicit' | 'group' | 'order'

export interface Dependency {
  readonly handle: string
  readonly kind: DependencyKind
}

export interface SourceTask {
  readonly handle: string
  readonly title: string
  /** Already ticked off in the source. */
  readonly done: boolean
  readonly dependsOn: readonly Dependency[]
  /** Completion criteria: sentences that a reviewer can check. */
  readonly criteria: readonly string[]
  /** Subject line of the task's commit. */
  readonly subject: string
}

export interface PromptSection {
  readonly title: string
  /** Untrusted; whoever composes the prompt caps and fences it. */
  readonly content: string
}

export interface PromptParts {
  readonly instructions: readonly string[]
  readonly sections: readonly PromptSection[]
}

/** The text edit of one source file that ticks a task off. */
export interface Tick {
  readonly path: string
  /** The text with the task ticked off (unchanged if it already is); null: the task is not in this text. */
  apply(text: string): string | null
}

export interface Source {
  readonly kind: 'prompt' | 'spec-kit' | 'openspec'
  /** The feature or change, by its name for `--feature`; null for a prompt. */
  readonly feature: string | null
  /** Files and folders (with a trailing `/`) that are never part of a task's change. */
  readonly owned: readonly string[]
  /** In the order of the file. */
  readonly tasks: readonly SourceTask[]
  /** What the user should know although the run can go on, each with file and line. */
  readonly warnings: readonly string[]
  /** The handle of the task that a user's selector names; null: there is none. */
  resolve(selector: string): string | null
  implementPrompt(handle: string): PromptParts
  reviewPrompt(handle: string): PromptParts
  /** How the task is ticked off; null: the source has nothing to tick (a prompt). */
  tick(handle: string): Tick | null
}
