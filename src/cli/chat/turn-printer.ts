import type { Item, TurnEvent } from '../../agents/port.ts'
import { printable } from '../../core/text.ts'
import { Activity } from '../exec/activity.ts'
import type { Console } from './console.ts'

/** Writes a turn as it runs: the agent's words as they are, and its actions one per line. */
export class TurnPrinter {
  readonly #console: Console
  readonly #activity = new Activity()
  /** The (printable) text already written, by item. */
  readonly #written = new Map<string, string>()
  #open: string | null = null

  constructor(console: Console) {
    this.#console = console
  }

  event(event: TurnEvent): void {
    if (event.type === 'item' && event.item.kind === 'message') return this.#say(event.item)
    const lines = this.#activity.lines(event)
    if (lines.length > 0) this.#endLine()
    for (const line of lines) this.#console.note(line)
  }

  /** Ends the open line. Repeatable. */
  close(): void {
    this.#endLine()
  }

  #say({ id, text, status }: Item): void {
    const all = printable(text)
    const before = this.#written.get(id) ?? ''
    if (this.#open !== id) this.#endLine()
    // Text that was changed, instead of only continued, is written again.
    const rest = all.startsWith(before) ? all.slice(before.length) : `\n${all}`
    if (rest !== '') {
      this.#console.write(rest)
      this.#open = id
    }
    this.#written.set(id, all)
    if (status !== 'running') this.#endLine()
  }

  #endLine(): void {
    if (this.#open === null) return
    if (!(this.#written.get(this.#open) ?? '').endsWith('\n')) this.#console.write('\n')
    this.#open = null
  }
}
