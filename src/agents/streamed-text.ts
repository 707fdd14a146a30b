import type { Item, TurnEvent } from './port.ts'
import { capItemText, itemEvent } from './stdio/index.ts'

/** A streamed message is sent again when it has grown by this factor, so that all its versions together stay small. */
const GROWTH = 1.5
const FIRST_PIECE = 80
/** About the most characters that are kept of one message. */
const KEPT = 4 << 20

/** Joins streamed pieces of text into items: one for each stretch that nothing else interrupts. */
export class StreamedText {
  readonly #kind: Item['kind']
  #count = 0
  #id: string | null = null
  #named: string | null = null
  #text = ''
  #told = 0
  #last = ''

  constructor(kind: Item['kind']) {
    this.#kind = kind
  }

  /** The text of the last stretch, even while it is still growing. */
  get last(): string {
    return this.#id === null ? this.#last : this.#text
  }

  /** Adds a piece. `name` is the agent's own id of the message; a new name starts a new stretch. */
  *add(piece: string, name: string | null = null): Generator<TurnEvent> {
    if (this.#id !== null && name !== null && this.#named !== null && name !== this.#named) yield* this.close()
    if (this.#id === null) {
      this.#id = `${this.#kind}-${++this.#count}`
      this.#text = ''
      this.#told = 0
    }
    this.#named = name ?? this.#named
    if (this.#text.length < KEPT) this.#text += piece
    if (this.#text.length < Math.max(FIRST_PIECE, this.#told * GROWTH)) return
    this.#told = this.#text.length
    yield this.#event('running')
  }

  /** Completes the current stretch. */
  *close(): Generator<TurnEvent> {
    if (this.#id === null) return
    if (this.#text !== '') {
      yield this.#event('completed')
      this.#last = this.#text
    }
    this.#id = null
    this.#named = null
  }

  #event(status: Item['status']): TurnEvent {
    return itemEvent({ id: this.#id ?? '', kind: this.#kind, status, text: capItemText(this.#text) })
  }
}
