/** Collects messages that arrive during a turn, to be handed over at the next step. */
export class Steering {
  readonly #waiting: string[] = []
  readonly #source: AsyncIterator<string> | null

  constructor(source: AsyncIterable<string> | null) {
    this.#source = source?.[Symbol.asyncIterator]() ?? null
    void this.#read()
  }

  /** Removes and returns the messages that have arrived. */
  take(): string[] {
    return this.#waiting.splice(0)
  }

  /** Stops listening. */
  close(): void {
    // Not awaited: a source that is waiting for its next message may never settle.
    void this.#source?.return?.()?.then(undefined, () => {})
  }

  async #read(): Promise<void> {
    try {
      for (let next = await this.#source?.next(); next && next.done !== true; next = await this.#source?.next()) {
        this.#waiting.push(next.value)
      }
    } catch {
      // the source failed: no more messages will come
    }
  }
}
