/** Where somebody may be who can be asked while a turn runs. */
export interface Asking {
  /** Somebody is there who can be asked. */
  readonly interactive: boolean
  /** Null when it cannot be asked, or the user breaks off. What was typed before the question is no answer. */
  ask(question: string, signal: AbortSignal): Promise<string | null>
  /** Writes a line that is not the agent's: activity, remarks. */
  note(line: string): void
}

/** Where a chat reads and writes: a terminal with an editor, or a pipe. */
export interface Console extends Asking {
  /** The next prompt; null: the user leaves. Line feeds may be in it. */
  readPrompt(): Promise<string | null>
  /** Writes what an agent says, as it comes, without a line feed of its own. */
  write(text: string): void
  /** Called for Ctrl-C while no prompt is read. */
  onInterrupt(listener: () => void): void
  /** Exit status when the user left by Ctrl-C. */
  readonly leftByInterrupt: boolean
  close(): void
}

/** Completes the last word of a line: candidates, and the part that they replace. */
export type Completer = (line: string) => readonly [readonly string[], string]
