/** Creates a queue in which each piece of work starts once the one before it has settled, whether that succeeded or failed. */
export function oneByOne(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work)
    last = next.catch(() => {}) // the caller gets the rejection
    return next
  }
}
