import type { AssistantMessage, AssistantMessageEvent } from '@earendil-works/pi-ai'
import type { Emit, Progress } from './events.ts'

/** Shortest time between two events for one growing text, in ms. */
const PACE_MS = 50

/** Emits an answer while it grows. Each text or reasoning part is one event, sent again with the same id as it grows. */
export class AnswerStream {
  readonly #emit: Emit
  readonly #prefix: string
  readonly #now: () => number
  readonly #shown = new Map<number, string>()
  #last = 0

  constructor(prefix: string, emit: Emit, now: () => number) {
    this.#prefix = prefix
    this.#emit = emit
    this.#now = now
  }

  hear(event: AssistantMessageEvent): void {
    if (event.type !== 'text_delta' && event.type !== 'thinking_delta') return
    if (this.#now() - this.#last < PACE_MS && this.#shown.has(event.contentIndex)) return
    this.#last = this.#now()
    this.#show(event.partial, event.contentIndex, 'running')
  }

  /** Emits the final state of every part. The answer is either complete or was interrupted. */
  end(message: AssistantMessage, status: Exclude<Progress, 'running'>): void {
    for (const index of message.content.keys()) this.#show(message, index, status)
  }

  #show(message: AssistantMessage, index: number, status: Progress): void {
    const part = message.content[index]
    if (part === undefined || part.type === 'toolCall') return
    const [kind, text] =
      part.type === 'text' ? (['message', part.text] as const) : (['reasoning', part.thinking] as const)
    if (text.trim() === '' && !this.#shown.has(index)) return
    this.#shown.set(index, text)
    this.#emit({ type: 'said', kind, id: `${this.#prefix}.${index}`, text, status })
  }
}
