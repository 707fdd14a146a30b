import { Readable } from 'node:stream'
import { lines, type KeptProcess, type Line } from '../../process/index.ts'
import { tail } from '../../core/text.ts'

/** The most bytes that one turn may write to stdout and stderr together. */
export const TURN_OUTPUT_BYTES = 256 << 20

/** The most lines of one turn: every line costs work, and no agent needs so many. */
const TURN_LINES = 2_000_000

/** Longer lines are cut: no meaningful frame is this long. */
const MAX_LINE = 8 << 20

const STDERR_TAIL = 16 << 10

/** A turn's program output within limits: the lines of stdout, and the end of stderr. */
export interface BoundedOutput {
  readonly lines: AsyncGenerator<Line>
  stderrTail(): string
  /** Whether more than the limit was written; the group was then ended. */
  overflowed(): boolean
  /** Starts the next turn: resets the limits. */
  renew(): void
}

/**
 * Reads a program's output in bounded memory. Stderr is drained all the time, so that the program never blocks on it. After
 * more than `limit` bytes or two million lines the group is killed and the lines end.
 */
export function boundedOutput(kept: KeptProcess, limit = TURN_OUTPUT_BYTES): BoundedOutput {
  let bytes = 0
  let count = 0
  let errors = ''
  const overflowed = (): boolean => bytes > limit || count > TURN_LINES
  const over = (chunk: Buffer): boolean => {
    bytes += chunk.length
    if (!overflowed()) return false
    void kept.end()
    return true
  }
  kept.stderr.on('data', (chunk: Buffer) => {
    if (!over(chunk)) errors = tail(errors + chunk.toString('utf8'), STDERR_TAIL)
  })
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of kept.stdout) {
      for (let at = (chunk as Buffer).indexOf(10); at !== -1; at = (chunk as Buffer).indexOf(10, at + 1)) count += 1
      if (over(chunk as Buffer)) return
      yield chunk as Buffer
    }
  }
  return {
    lines: lines(Readable.from(counted()), MAX_LINE),
    stderrTail: () => errors.trim(),
    overflowed,
    renew() {
      bytes = 0
      count = 0
      errors = ''
    },
  }
}
