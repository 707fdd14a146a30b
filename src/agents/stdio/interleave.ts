/** Collects values that arrive while a stream is being read. */
export class Mailbox<T> {
  #posted: T[] = []
  #wake: (() => void) | null = null

  post(item: T): void {
    this.#posted.push(item)
    this.#wake?.()
  }

  take(): T[] {
    return this.#posted.splice(0)
  }

  /** Calls `wake` once, at the next post, or at once if values are waiting. */
  notify(wake: () => void): void {
    this.#wake = () => {
      this.#wake = null
      wake()
    }
    if (this.#posted.length > 0) this.#wake()
  }
}

/**
 * Yields the items of `source` one at a time, and without delay the values that are posted meanwhile. Ends with the source. If
 * the consumer stops early, the source is ended too; its end is not awaited while it still waits for its next item.
 */
export async function* interleave<T, P>(
  source: AsyncGenerator<T>,
  mailbox: Mailbox<P>,
): AsyncGenerator<{ readonly read: T } | { readonly posted: P }> {
  let isReading = false
  try {
    for (;;) {
      const next = source.next()
      isReading = true
      let result: IteratorResult<T> | null = null
      while (result === null) {
        // Handlers are only attached to `next`, which is new each time: on a longer-lived promise they would accumulate.
        result = await new Promise<IteratorResult<T> | null>((resolve, reject) => {
          mailbox.notify(() => resolve(null))
          next.then(resolve, reject)
        })
        isReading = result === null
        for (const posted of mailbox.take()) yield { posted }
      }
      if (result.done) return
      yield { read: result.value }
    }
  } finally {
    const ended = source.return(undefined)
    // A generator ends only after its pending `next`, which may come only once the consumer has stopped the program.
    if (isReading) ended.catch(() => {})
    else await ended
  }
}
