import type { Readable } from 'node:stream'

/** The world of a command line: everything a command may read from or write to, so that tests can stand in for it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: Readable
  /** stdin and stderr are terminals: questions may be asked. */
  readonly interactive: boolean
  /** stdout is a terminal. */
  readonly stdoutIsTerminal: boolean
  /** stderr, when it is a terminal that can be drawn on; null: lines only. */
  readonly screen: NodeJS.WriteStream | null
  /** Colours are wanted on stderr (a terminal, and NO_COLOR is not set). */
  readonly color: boolean
  /** Nobody reads stdout any more (`| head`): who follows something may stop. */
  readonly outputGone: () => boolean
  /** Writes a result to stdout, with a line feed. */
  out(line: string): void
  /** Writes bytes to stdout as they are. */
  outBytes(bytes: Uint8Array): void
  /** Writes progress or a remark to stderr, with a line feed. */
  note(line: string): void
  /** The process's exit status when the command returns (0 unless set). */
  exitCode: number
}
