import type { Item, TurnEvent } from '../../agents/port.ts'
import type { Io } from '../io.ts'
import { oneLine } from '../views/format.ts'
import { Activity } from './activity.ts'

const MAX_LINE = 160

/**
 * Prints an agent's actions on stderr, one line per tool call, change and remark. Its last message is the result, and not
 * printed here.
 */
export class Progress {
  readonly #io: Io
  readonly #activity = new Activity()
  #message: Item | null = null

  constructor(io: Io) {
    this.#io = io
  }

  turn(event: TurnEvent): void {
    if (event.type === 'item' && event.item.kind === 'message') this.#said(event.item)
    else for (const line of this.#activity.lines(event)) this.#io.note(line)
  }

  #said(item: Item): void {
    if (this.#message !== null && this.#message.id !== item.id)
      this.#io.note(`  ${oneLine(this.#message.text, MAX_LINE)}`)
    this.#message = item
  }
}
