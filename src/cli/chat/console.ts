/** A place where a person may be asked during a turn. */
export interface Asking {
  /** Whether somebody is there who can be asked. */
  readonly interactive: boolean
  /**
   * Asks a question. null: it cannot be asked, or the user broke it off. Text typed before the question is not taken as an
   * answer.
   */
  ask(question: string, signal: AbortSignal): Promise<string | null>
  /** Writes a line that is not from the agent: activity, remarks. */
  note(line: string): void
}

/** Where a chat reads and writes: a terminal with an editor, or a pipe. */
export interface Console extends Asking {
  /** The next prompt, which may contain line feeds; null: the user leaves. */
  readPrompt(): Promise<string | null>
  /** Writes what an agent says, as it comes, without adding a line feed. */
  write(text: string): void
  /** Sets the function that is called for Ctrl-C while no prompt is read. */
  onInterrupt(listener: () => void): void
  /** Whether the user left with Ctrl-C. */
  readonly leftByInterrupt: boolean
  close(): void
}

/** Completes the last word of a line: returns candidates, and the part that they replace. */
export type Completer = (line: string) => readonly [readonly string[], string]
