import { Readable } from 'node:stream'
import type { Io } from '../io.ts'

export interface TestIo extends Io {
  readonly printed: string[]
  readonly notes: string[]
}

/** An `Io` without a terminal that keeps what is printed. */
export function testIo(changes: Partial<Io> = {}): TestIo {
  const printed: string[] = []
  const notes: string[] = []
  return {
    env: {},
    cwd: process.cwd(),
    stdin: Readable.from([]),
    interactive: false,
    stdoutIsTerminal: false,
    screen: null,
    color: false,
    outputGone: () => false,
    out: (line) => void printed.push(line),
    outBytes: (bytes) => void printed.push(Buffer.from(bytes).toString('utf8')),
    note: (line) => void notes.push(line),
    exitCode: 0,
    ...changes,
    printed,
    notes,
  }
}
