import { createInterface, type Interface } from 'node:readline'
import { PassThrough } from 'node:stream'
import type { Completer, Console } from './console.ts'
import { setImmediate as turnOfTheLoop, setTimeout as sleep } from 'node:timers/promises'
import { BREAK, Keys, PASTE_OFF, PASTE_ON, typed, type Piece } from './keys.ts'

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
const CTRL_C = 3

/** How long to wait for input that was typed before a question, in ms, in order to drop it. */
const EARLIER_MS = 30

/**
 * A chat in a terminal. While a prompt is read, the line can be edited (history, completion, several lines). During a turn the
 * terminal is in its usual mode, so that Ctrl-C is a signal.
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
  #dropping = false
  #fed: Promise<void> = Promise.resolve()
  /** The editor's own resize listeners. They redraw its line, which must not happen while there is none. */
  readonly #redraw: readonly ((...args: unknown[]) => void)[]
  /** Output to write once the edited line is finished. */
  #held: (() => void)[] = []
  /** Prompts in the history, the newest first. */
  #prompts: string[]
  #warned = false
  #midLine = false

  constructor(options: TerminalOptions) {
    this.#options = options
    const { input, output } = options
    this.#prompts = options.history.map((one) => one.replaceAll('\n', BREAK))
    const keys = new Keys()
    input.on('data', (chunk: Buffer) => {
      if (!this.#dropping) this.#feed(keys.feed(chunk))
      else if (chunk.includes(CTRL_C)) this.#onCtrlC()
    })
    input.on('end', () => void this.#fed.finally(() => this.#keys.end()))
    const others = new Set(output.listeners('resize'))
    this.#rl = createInterface({
      input: this.#keys,
      output,
      terminal: true,
      history: [...this.#prompts],
      historySize: 500,
      removeHistoryDuplicates: true,
      completer: (line: string) => options.complete(line) as [string[], string],
      // A local terminal nearly always sends a sequence, such as an arrow key, in one piece.
      escapeCodeTimeout: 100,
    })
    this.#redraw = output.listeners('resize').filter((one) => !others.has(one))
    for (const one of this.#redraw) output.off('resize', one)
    output.on('resize', this.#onResize)
    this.#rl.on('line', (line) => this.#take(line))
    this.#rl.on('close', () => this.#end())
    this.#rl.on('SIGINT', () => this.#onCtrlC())
    // Without a listener, the editor would stop reading for good, and leave the terminal in raw mode to the shell.
    this.#rl.on('SIGTSTP', () => void this.#stop())
    process.on('SIGINT', this.#onSignal)
    process.on('SIGCONT', this.#onContinued)
    this.#cooked()
  }

  async readPrompt(): Promise<string | null> {
    const lines: string[] = []
    for (;;) {
      const line = await this.#line(lines.length === 0 ? PROMPT : MORE)
      if (line === null) return null
      // A line that ends in a backslash continues on the next one.
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
      await this.#dropEarlier()
      return signal.aborted ? null : await this.#line(question)
    } finally {
      this.#release()
      this.#asking = false
      // Answers must not be in the history of prompts.
      const { history } = this.#rl as unknown as { history: string[] }
      history.splice(0, history.length, ...this.#prompts)
      signal.removeEventListener('abort', withdrawn)
    }
  }

  write(text: string): void {
    if (text === '') return
    if (this.#wanted || this.#dropping) {
      this.#held.push(() => this.write(text))
      return
    }
    this.#midLine = !text.endsWith('\n')
    this.#options.output.write(text)
  }

  note(line: string): void {
    if (this.#wanted || this.#dropping) {
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
    process.off('SIGCONT', this.#onContinued)
    this.#options.output.off('resize', this.#onResize)
    this.#cooked()
    this.#rl.close()
    this.#options.input.pause()
  }

  readonly #onSignal = (): void => this.#interrupt()

  readonly #onResize = (): void => {
    if (this.#wanted) for (const redraw of this.#redraw) redraw()
  }

  /** Ctrl-Z while a line is edited: stops the whole process group, as the terminal would. */
  async #stop(): Promise<void> {
    this.#cooked()
    process.kill(0, 'SIGTSTP')
    await turnOfTheLoop()
    // Where no shell could continue the process, the signal does not stop it.
    this.#onContinued()
  }

  /** After being continued: the shell has used the terminal meanwhile. */
  readonly #onContinued = (): void => {
    if (!this.#wanted) return
    this.#cooked()
    this.#raw()
    this.#rl.prompt(true)
  }

  /**
   * Sends keys through the editor. Pasted text is put into its line at once, because a key per character would be far too slow.
   */
  #feed(pieces: readonly Piece[]): void {
    const before = this.#fed
    this.#fed = this.#put(before, pieces)
  }

  async #put(before: Promise<void>, pieces: readonly Piece[]): Promise<void> {
    await before
    for (const { text, pasted } of pieces) {
      if (this.#closed) return // the editor is gone
      if (pasted) this.#rl.write(text)
      else this.#keys.write(text)
      await turnOfTheLoop()
    }
  }

  /** Drops what was typed before the question. */
  async #dropEarlier(): Promise<void> {
    this.#dropping = true
    this.#raw()
    await sleep(EARLIER_MS)
    this.#cooked()
    this.#dropping = false
  }

  /** One line, edited after `prompt`; null: the user leaves, or broke it off. */
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
      this.#release()
    }
  }

  #release(): void {
    for (const write of this.#held.splice(0)) write()
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
    // Ctrl-D: the shell's next output must start on its own line.
    if (this.#wanted) this.#options.output.write('\n')
    this.#give(null)
  }

  /** Ctrl-C while a line is edited: clears it. On an empty line, the second Ctrl-C leaves. */
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
