import { fileURLToPath } from 'node:url'
import type { IPty } from '@lydell/node-pty'
import type { Terminal as Xterm } from '@xterm/headless'
import type { World } from './world.ts'

const BUILT = fileURLToPath(new URL('built.cjs', import.meta.url))

/** Longest time that a test waits for something to appear, in ms. */
const PATIENCE_MS = 150_000

interface Tools {
  readonly spawn: typeof import('@lydell/node-pty').spawn
  readonly Terminal: typeof Xterm
}

export interface TerminalOptions {
  readonly cols?: number
  readonly rows?: number
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The program to start instead of belay. */
  readonly program?: readonly string[]
  /** Longest time that `until` waits, in ms. */
  readonly patienceMs?: number
}

/** What a terminal needs; a text says why there is none on this machine. */
export async function terminalTools(): Promise<Tools | string> {
  try {
    const [{ spawn }, { default: xterm }] = await Promise.all([import('@lydell/node-pty'), import('@xterm/headless')])
    return { spawn, Terminal: xterm.Terminal }
  } catch (error) {
    if (process.env['CI']) throw error
    return `no terminal to test in: ${String(error)}`
  }
}

/** The built belay in a real terminal, whose screen can be read. */
export class Terminal {
  /** Everything that was written, including escape sequences. */
  raw = ''
  readonly exit: Promise<{ readonly exitCode: number }>
  readonly #pty: IPty
  readonly #screen: Xterm
  readonly #patienceMs: number
  #ended = false
  #changed: () => void = () => {}

  constructor(
    tools: Tools,
    world: World,
    args: readonly string[],
    { cols = 100, rows = 30, env = {}, cwd, program, patienceMs = PATIENCE_MS }: TerminalOptions = {},
  ) {
    this.#patienceMs = patienceMs
    this.#screen = new tools.Terminal({ cols, rows, scrollback: 10_000, allowProposedApi: true })
    const [file = '', ...first] = program ?? [process.execPath, BUILT]
    this.#pty = tools.spawn(file, [...first, ...args], {
      name: env['TERM'] ?? 'xterm-256color',
      cols,
      rows,
      cwd: cwd ?? world.repo,
      env: { ...world.env, ...env },
    })
    this.#pty.onData((data) => {
      this.raw += data
      this.#screen.write(data, () => this.#changed())
    })
    this.exit = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode }) => {
        this.#ended = true
        // Pending output is drawn first.
        this.#screen.write('', () => {
          this.#changed()
          resolve({ exitCode })
        })
      })
    })
  }

  get pid(): number {
    return this.#pty.pid
  }

  type(keys: string): void {
    this.#pty.write(keys)
  }

  resize(cols: number, rows: number): void {
    this.#screen.resize(cols, rows)
    this.#pty.resize(cols, rows)
  }

  /** Lines of the screen without trailing blanks; with `all`, also those that have scrolled away. */
  lines(all = false): string[] {
    const buffer = this.#screen.buffer.active
    const from = all ? 0 : buffer.baseY
    const lines: string[] = []
    for (let i = from; i < buffer.length; i++) lines.push(buffer.getLine(i)?.translateToString(true) ?? '')
    return lines.join('\n').trimEnd().split('\n')
  }

  /** Resolves once the screen is as `wanted`; rejects with the screen when time runs out or the program ends first. */
  async until(wanted: (lines: readonly string[]) => boolean): Promise<string[]> {
    const late = AbortSignal.timeout(this.#patienceMs)
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        this.#changed = resolve
        late.addEventListener('abort', () => resolve())
      })
      const lines = this.lines()
      if (wanted(lines)) return lines
      if (late.aborted || this.#ended)
        throw new Error(`${this.#ended ? 'it ended' : 'too late'}; the screen is:\n${lines.join('\n')}`)
      await changed
    }
  }

  /** Whether the cursor was shown again after it was last hidden. */
  get cursorShown(): boolean {
    return this.raw.lastIndexOf('\u001b[?25h') >= this.raw.lastIndexOf('\u001b[?25l')
  }

  /** Kills the program if it still runs. */
  dispose(): void {
    if (!this.#ended) this.#pty.kill('SIGKILL')
    this.#screen.dispose()
  }
}
