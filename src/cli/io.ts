import type { Readable } from 'node:stream'

/** Everything that a command may read from or write to, so that tests can replace it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdin: Readable
  /** Whether stdin and stderr are terminals, so that questions can be asked. */
  readonly interactive: boolean
  /** Whether stdout is a terminal. */
  readonly stdoutIsTerminal: boolean
  /** stderr, if it is a terminal that can be drawn on; null: only lines can be written. */
  readonly screen: NodeJS.WriteStream | null
  /** Whether stderr should be coloured (a terminal, and NO_COLOR is not set). */
  readonly color: boolean
  /** Whether nobody reads stdout any more (`| head`), so that following commands may stop. */
  readonly outputGone: () => boolean
  /** Writes a result to stdout, with a line feed. */
  out(line: string): void
  /** Writes bytes to stdout unchanged. */
  outBytes(bytes: Uint8Array): void
  /** Writes progress or a remark to stderr, with a line feed. */
  note(line: string): void
  /** The process's exit status when the command returns; 0 unless set. */
  exitCode: number
}
