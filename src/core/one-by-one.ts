/** Makes a queue: each piece of work starts when the one before has settled, whether it succeeded or failed. */
export function oneByOne(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const next = last.then(work)
    last = next.catch(() => {}) // told to who gave the work
    return next
  }
}
