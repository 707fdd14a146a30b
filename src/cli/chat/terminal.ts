import { createInterface, type Interface } from 'node:readline'
import { PassThrough } from 'node:stream'
import type { Completer, Console } from './console.ts'
import { BREAK, Keys, PASTE_OFF, PASTE_ON, typed } from './keys.ts'

export interface TerminalOptions {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
  readonly complete: Completer
  /** Earlier prompts, the newest first. */
  readonly history: readonly string[]
  readonly color: boolean
}

const PROMPT = '>>> '
const MORE = '... '

/**
 * A chat in a terminal. While a prompt is read the line is edited (history, completion, several lines); while a turn runs the
 * terminal is as usual, so that Ctrl-C is a signal.
 */
export class TerminalConsole implements Console {
  readonly interactive = true
  leftByInterrupt = false
  readonly #options: TerminalOptions
  readonly #keys = new PassThrough()
  readonly #rl: Interface
  #lines: string[] = []
  #wanted: ((line: string | null) => void) | null = null
  #closed = false
  #interrupt: () => void = () => {}
  #asking = false
  /** What is to be written once the line that is edited is done. */
  #held: (() => void)[] = []
  /** What may be come back to, the newest first. */
  #prompts: string[]
  #warned = false
  #midLine = false

  constructor(options: TerminalOptions) {
    this.#options = options
    const { input, output } = options
    this.#prompts = options.history.map((one) => one.replaceAll('\n', BREAK))
    const keys = new Keys()
    input.on('data', (chunk: Buffer) => void this.#keys.write(keys.feed(chunk)))
    input.on('end', () => this.#keys.end())
    this.#rl = createInterface({
      input: this.#keys,
      output,
      terminal: true,
      history: [...this.#prompts],
      historySize: 500,
      removeHistoryDuplicates: true,
      completer: (line: string) => options.complete(line) as [string[], string],
      // A sequence such as an arrow key comes in one piece from a terminal on this machine, nearly always.
      escapeCodeTimeout: 100,
    })
    this.#rl.on('line', (line) => this.#take(line))
    this.#rl.on('close', () => this.#end())
    this.#rl.on('SIGINT', () => this.#onCtrlC())
    process.on('SIGINT', this.#onSignal)
    this.#cooked()
  }

  async readPrompt(): Promise<string | null> {
    const lines: string[] = []
    for (;;) {
      const line = await this.#line(lines.length === 0 ? PROMPT : MORE)
      if (line === null) return null
      // A line that ends in a backslash is gone on with.
      if (line.endsWith('\\')) lines.push(line.slice(0, -1))
      else return typed([...lines, line].join('\n'))
    }
  }

  async ask(question: string, signal: AbortSignal): Promise<string | null> {
    if (signal.aborted) return null
    this.#lines = []
    this.#asking = true
    const withdrawn = (): void => this.#give(null)
    signal.addEventListener('abort', withdrawn, { once: true })
    try {
      return await this.#line(question)
    } finally {
      this.#asking = false
      // An answer is no prompt to come back to.
      const { history } = this.#rl as unknown as { history: string[] }
      history.splice(0, history.length, ...this.#prompts)
      signal.removeEventListener('abort', withdrawn)
    }
  }

  write(text: string): void {
    if (text === '') return
    if (this.#wanted) {
      this.#held.push(() => this.write(text))
      return
    }
    this.#midLine = !text.endsWith('\n')
    this.#options.output.write(text)
  }

  note(line: string): void {
    if (this.#wanted) {
      this.#held.push(() => this.note(line))
      return
    }
    const text = this.#options.color ? `\u001b[2m${line}\u001b[22m` : line
    this.#options.output.write(`${this.#midLine ? '\n' : ''}${text}\n`)
    this.#midLine = false
  }

  onInterrupt(listener: () => void): void {
    this.#interrupt = listener
  }

  close(): void {
    process.off('SIGINT', this.#onSignal)
    this.#cooked()
    this.#rl.close()
    this.#options.input.pause()
  }

  readonly #onSignal = (): void => this.#interrupt()

  /** One line, edited behind `prompt`; null: the user leaves, or broke off. */
  async #line(prompt: string): Promise<string | null> {
    const early = this.#lines.shift()
    if (early !== undefined) {
      this.#options.output.write(`${prompt}${early}\n`)
      return early
    }
    if (this.#closed) return null
    if (this.#midLine) this.write('\n')
    const line = new Promise<string | null>((resolve) => (this.#wanted = resolve))
    this.#raw()
    this.#rl.setPrompt(prompt)
    this.#rl.prompt()
    try {
      return await line
    } finally {
      this.#cooked()
      for (const write of this.#held.splice(0)) write()
    }
  }

  #take(line: string): void {
    this.#warned = false
    if (!this.#asking && line.trim() !== '') this.#prompts = [line, ...this.#prompts.filter((one) => one !== line)]
    if (this.#wanted) this.#give(line)
    else this.#lines.push(line)
  }

  #give(line: string | null): void {
    const wanted = this.#wanted
    this.#wanted = null
    wanted?.(line)
  }

  #end(): void {
    this.#closed = true
    this.#give(null)
  }

  /** Ctrl-C while a line is edited: empties it; on an empty line leaves, when it comes twice. */
  #onCtrlC(): void {
    if (this.#asking) {
      this.#options.output.write('\n')
      this.#give(null)
      this.#interrupt()
      return
    }
    if (this.#rl.line !== '') {
      this.#rl.write(null, { ctrl: true, name: 'e' })
      this.#rl.write(null, { ctrl: true, name: 'u' })
      this.#warned = false
      return
    }
    if (this.#warned) {
      this.leftByInterrupt = true
      this.#options.output.write('\n')
      this.#closed = true
      this.#give(null)
      return
    }
    this.#warned = true
    this.#options.output.write('\n(Ctrl-C again, Ctrl-D or /exit leaves)\n')
    this.#rl.prompt()
  }

  #raw(): void {
    const { input, output } = this.#options
    input.setRawMode(true)
    input.resume()
    output.write(PASTE_ON)
  }

  #cooked(): void {
    const { input, output } = this.#options
    output.write(PASTE_OFF)
    input.setRawMode(false)
    input.pause()
  }
}
