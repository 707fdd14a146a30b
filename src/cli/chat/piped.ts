import { createInterface } from 'node:readline'
import type { Io } from '../io.ts'
import type { Console } from './console.ts'

/** A chat whose prompts come through a pipe, one per line; nobody can be asked. */
export class PipedConsole implements Console {
  readonly interactive = false
  readonly leftByInterrupt = false
  readonly #io: Io
  readonly #lines: AsyncIterator<string>
  #interrupt: () => void = () => {}

  constructor(io: Io) {
    this.#io = io
    this.#lines = createInterface({ input: io.stdin, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]()
    process.on('SIGINT', this.#onSignal)
  }

  async readPrompt(): Promise<string | null> {
    const lines: string[] = []
    for (;;) {
      // Nobody reads the answers any more (| head), so further ones would be paid for nothing.
      if (this.#io.outputGone()) return null
      const next = await this.#lines.next()
      if (next.done === true) return lines.length === 0 ? null : lines.join('\n')
      if (!next.value.endsWith('\\')) return [...lines, next.value].join('\n')
      lines.push(next.value.slice(0, -1))
    }
  }

  ask(): Promise<null> {
    return Promise.resolve(null)
  }

  write(text: string): void {
    if (text !== '') this.#io.outBytes(Buffer.from(text))
  }

  note(line: string): void {
    this.#io.note(line)
  }

  onInterrupt(listener: () => void): void {
    this.#interrupt = listener
  }

  close(): void {
    process.off('SIGINT', this.#onSignal)
    void this.#lines.return?.()
  }

  readonly #onSignal = (): void => this.#interrupt()
}
