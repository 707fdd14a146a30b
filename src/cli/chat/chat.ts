import { messageOf, BelayError } from '../../core/errors.ts'
import { nearest, printable } from '../../core/text.ts'
import type { Usage } from '../../core/words.ts'
import {
  execTurn,
  exitOf,
  openExec,
  removeSession,
  type Exec,
  type ExecOptions,
  type TurnResult,
} from '../../exec/index.ts'
import { SessionStore } from '../../sessions/index.ts'
import { usageText } from '../exec/usage-text.ts'
import { oneLine } from '../views/format.ts'
import { COMMANDS } from './commands.ts'
import type { Console } from './console.ts'
import { limitationsOf } from './limitations.ts'
import { TurnPrinter } from './turn-printer.ts'
import type { Spent, ChatContext } from './context.ts'

const NOTHING: Usage = { inputTokens: 0, outputTokens: 0, costUsd: null }

/** A conversation with an agent, prompt by prompt. */
export class Chat implements ChatContext {
  readonly console: Console
  readonly store: SessionStore
  readonly spent: Spent = { turns: 0, steps: 0, usage: NOTHING }
  readonly #options: ExecOptions
  readonly #remember: (prompt: string) => Promise<void>
  #exec: Exec
  #leaving = false
  #exitCode = 0

  private constructor(console: Console, options: ExecOptions, exec: Exec, remember: (prompt: string) => Promise<void>) {
    this.console = console
    this.#remember = remember
    this.#options = options
    this.#exec = exec
    this.store = new SessionStore(options.home)
  }

  /** `remember` keeps a prompt for later chats; the user is told if that fails. */
  static async begin(
    console: Console,
    options: ExecOptions,
    remember: (prompt: string) => Promise<void>,
  ): Promise<Chat> {
    return new Chat(console, options, await openExec(options), remember)
  }

  get exec(): Exec {
    return this.#exec
  }

  get options(): ExecOptions {
    return this.#options
  }

  /** Reads prompts and takes turns until the user leaves; returns the exit status. */
  async run(): Promise<number> {
    this.#greet()
    while (!this.#leaving) {
      const prompt = await this.console.readPrompt()
      if (prompt === null) break
      const text = prompt.trim()
      if (text === '') continue
      await this.#remember(prompt).catch((error: unknown) =>
        this.console.note(`warning: the prompt is not kept for later chats: ${messageOf(error)}`),
      )
      if (isCommand(text)) await this.#command(text)
      else await this.#turn(prompt)
    }
    return this.console.leftByInterrupt ? 130 : this.#exitCode
  }

  leave(): void {
    this.#leaving = true
  }

  /**
   * Switches to another session (null: a new one). The agent has the same permissions there as here, or fewer if that session
   * says so. The previous session stays, unless nothing was said in it.
   */
  async switchTo(id: string | null): Promise<void> {
    const { access, sandbox, network } = this.#exec.confinement
    const kept = id === null ? null : (await this.store.get(id)).meta.confinement
    const next = await openExec({
      ...this.#options,
      access: kept?.access === 'read-only' ? 'read-only' : access,
      sandbox,
      network,
      session: id,
      updatePolicy: false,
      isolation: { ...this.#options.isolation, workspace: null, clone: null },
    })
    try {
      await this.close()
    } finally {
      this.#exec = next // the other session is closed, even if closing it partly failed
    }
    this.#warn()
    Object.assign(this.spent, { turns: 0, steps: 0, usage: NOTHING })
  }

  /** Releases the session, and removes one in which nothing was said. */
  async close(): Promise<void> {
    const { session } = this.#exec
    for (const remark of await this.#exec.close()) this.console.note(`warning: ${printable(remark)}`)
    const isEmpty = session.entries.length === 0 && session.meta.workspace === null && session.meta.title === null
    if (isEmpty && session.id !== this.#options.session) await removeSession(this.store, session.id)
  }

  #greet(): void {
    const { session, setup, confinement } = this.#exec
    const model = setup.model === null ? '' : ` ${setup.model}`
    this.console.note(
      `belay chat: ${setup.agent.provider}${printable(model)} in ${printable(setup.cwd)}, session ${session.id}; /help says what there is`,
    )
    for (const limitation of limitationsOf(setup.agent, confinement.access)) this.console.note(`note: ${limitation}`)
    this.#warn()
    const last = session.lastTurn()
    if (last !== null)
      this.console.note(
        `${session.meta.turns} turns so far; last: ${oneLine(last.prompt, 60)} -> ${oneLine(last.ending.text, 80)}`,
      )
  }

  #warn(): void {
    for (const warning of this.#exec.warnings) this.console.note(`warning: ${printable(warning)}`)
  }

  async #command(text: string): Promise<void> {
    const [name = ''] = text.split(/\s/)
    const argument = text.slice(name.length).trim()
    const command = COMMANDS.find(({ names }) => names.includes(name))
    if (!command) {
      const near = nearest(
        name,
        COMMANDS.flatMap(({ names }) => names),
      )
      this.console.note(
        `there is no command ${printable(name)}${near === null ? '' : `; did you mean ${near}?`} (/help lists them)`,
      )
      return
    }
    if (command.argument === '' && argument !== '') {
      this.console.note(`${name} takes nothing after it, and did nothing: ${oneLine(argument, 60)}`)
      return
    }
    try {
      await command.run(this, argument)
    } catch (error) {
      if (!(error instanceof BelayError)) throw error
      this.console.note(
        `${printable(error.message)} [${error.code}]${error.next === null ? '' : `\n  ${printable(error.next)}`}`,
      )
    }
  }

  async #turn(prompt: string): Promise<void> {
    const stop = new AbortController()
    this.console.onInterrupt(() => {
      // The second Ctrl-C exits at once: the keepers end what is left, and the session becomes free because its holder is dead.
      if (stop.signal.aborted) process.exit(130)
      this.console.note('(stopping; Ctrl-C again leaves)')
      stop.abort(new Error('interrupted'))
    })
    const printer = new TurnPrinter(this.console)
    const { session, setup } = this.#exec
    try {
      const result = await execTurn(session, setup, {
        prompt,
        outputSchema: null,
        check: null,
        signal: stop.signal,
        observe: (event) => printer.event(event),
      })
      printer.close()
      this.#tell(result)
    } catch (error) {
      printer.close()
      if (!(error instanceof BelayError)) throw error
      // The session was taken away, or the disk is full: the chat cannot continue.
      this.console.note(`${messageOf(error)} [${error.code}]`)
      this.#exitCode = error.exit
      this.leave()
    } finally {
      this.console.onInterrupt(() => {})
    }
  }

  #tell({ status, error, steps, usage, finishReason }: TurnResult): void {
    const { spent } = this
    spent.turns += 1
    spent.steps += steps
    spent.usage = {
      inputTokens: spent.usage.inputTokens + usage.inputTokens,
      outputTokens: spent.usage.outputTokens + usage.outputTokens,
      costUsd: usage.costUsd === null ? spent.usage.costUsd : (spent.usage.costUsd ?? 0) + usage.costUsd,
    }
    if (error !== null)
      this.console.note(
        `${printable(error.message)}${error.retryAt === null ? '' : `; it can go on at ${error.retryAt}`}`,
      )
    this.console.note(`[${finishReason}: ${usageText(steps, usage)}]`)
    // In a pipe, the exit status is that of the last turn; in a terminal, the user has seen it.
    if (!this.console.interactive) this.#exitCode = exitOf(status)
  }
}

/** Whether a text is a command: a slash and a word. A text that begins with a path is a prompt. */
function isCommand(text: string): boolean {
  return /^\/[^\s/.]*(\s|$)/.test(text)
}
