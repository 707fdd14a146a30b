/** For tests of belay in a terminal: a user, a scripted model, and the terminal; all are removed after each test. */
import { afterEach } from 'vitest'
import { startModelServer, type ModelServer, type Step } from './model-server/index.ts'
import { HOST, MODEL, reach } from './steps.ts'
import { Terminal, terminalTools, type TerminalOptions } from './terminal.ts'
import { World } from './world.ts'

export { bash, say } from './steps.ts'

const tools = await terminalTools()
// oxlint-disable-next-line no-console -- a skipped test has to say why
if (typeof tools === 'string') console.warn(`skipped: ${tools}`)

/** Whether there is no terminal to test in; such tests are skipped. */
export const noTerminal = typeof tools === 'string'

export const ENTER = '\r'
export const CTRL_C = '\u0003'
export const CTRL_D = '\u0004'
export const UP = '\u001b[A'

/** Belay's engine with the scripted model, unconfined. */
export const ENGINE = [...MODEL, ...HOST] as const

export class Stage {
  model: ModelServer | undefined
  #world: World | undefined
  readonly #terminals: Terminal[] = []

  /** The user of the current test. */
  get world(): World {
    this.#world ??= new World()
    return this.#world
  }

  /** Starts the model that the engine will call. */
  async scripted(...steps: readonly Step[]): Promise<ModelServer> {
    this.model = await startModelServer({ steps })
    reach(this.world, this.model)
    return this.model
  }

  /** Opens belay with these arguments in a terminal of its own. */
  open(args: readonly string[], options: TerminalOptions = {}): Terminal {
    if (typeof tools === 'string') throw new Error(tools)
    const terminal = new Terminal(tools, this.world, args, options)
    this.#terminals.push(terminal)
    return terminal
  }

  async end(): Promise<void> {
    for (const terminal of this.#terminals.splice(0)) terminal.dispose()
    try {
      await this.model?.close()
    } finally {
      this.model = undefined
      this.#world?.dispose()
      this.#world = undefined
    }
  }
}

/** One stage for the tests of a file, new for each test. */
export function useStage(): Stage {
  const stage = new Stage()
  afterEach(() => stage.end())
  return stage
}

/** Waits until a chat shows an empty prompt. */
export function ready(tty: Terminal): Promise<string[]> {
  return tty.until((lines) => lines.at(-1) === '>>>')
}

/** Waits until the nth approval question is shown. */
export function asked(tty: Terminal, n = 1): Promise<string[]> {
  return tty.until(
    (all) =>
      (all.at(-1)?.startsWith('[y]es') ?? false) && all.filter((line) => line.includes('may the agent')).length === n,
  )
}
