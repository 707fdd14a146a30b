/** Takes what is said beside a stream that is being read. */
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

  /** Calls `wake` once, at the next post, or now when something waits. */
  notify(wake: () => void): void {
    this.#wake = () => {
      this.#wake = null
      wake()
    }
    if (this.#posted.length > 0) this.#wake()
  }
}

/** Yields what `source` brings, one item at a time, and without delay what is posted meanwhile; ends with the source. */
export async function* interleave<T, P>(
  source: AsyncGenerator<T>,
  mailbox: Mailbox<P>,
): AsyncGenerator<{ readonly read: T } | { readonly posted: P }> {
  try {
    for (;;) {
      const next = source.next()
      let result: IteratorResult<T> | null = null
      while (result === null) {
        // Reactions are hung on `next` only, which is a new one each time: on a promise that lives longer they would pile up.
        result = await new Promise<IteratorResult<T> | null>((resolve, reject) => {
          mailbox.notify(() => resolve(null))
          next.then(resolve, reject)
        })
        for (const posted of mailbox.take()) yield { posted }
      }
      if (result.done) return
      yield { read: result.value }
    }
  } finally {
    await source.return(undefined)
  }
}
