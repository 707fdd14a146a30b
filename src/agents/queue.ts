/** How many events may wait before their producer has to wait. */
const HIGH_WATER = 1000

/** Hands values from callbacks to one `for await` reader, in order, and makes the producer wait while the reader is slow. */
export class EventQueue<T> implements AsyncIterable<T> {
  #items: T[] = []
  #closed = false
  #abandoned = false
  #wakeReader: (() => void) | null = null
  #wakeProducers: (() => void)[] = []

  /** Resolves when there is room for more, or the reader has left. */
  push(item: T): Promise<void> {
    if (this.#abandoned) return Promise.resolve()
    this.#items.push(item)
    this.#wakeReader?.()
    if (this.#items.length < HIGH_WATER) return Promise.resolve()
    return new Promise((resolve) => this.#wakeProducers.push(resolve))
  }

  /** Nothing more will be pushed: the reader ends after the waiting values. */
  close(): void {
    this.#closed = true
    this.#wakeReader?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const items = this.#items
        this.#items = []
        this.#release()
        yield* items
        if (items.length > 0 || this.#items.length > 0) continue
        if (this.#closed) return
        await new Promise<void>((resolve) => (this.#wakeReader = resolve))
        this.#wakeReader = null
      }
    } finally {
      // A reader that leaves early must not keep the producer waiting.
      this.#abandoned = true
      this.#items = []
      this.#release()
    }
  }

  #release(): void {
    for (const wake of this.#wakeProducers.splice(0)) wake()
  }
}
