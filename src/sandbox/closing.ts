import type { KeptProcess } from '../process/index.ts'

/**
 * `kept` with a `closed` that also waits for `after`. A failure of `after` rejects `closed`, however late somebody awaits it.
 * It never becomes an unhandled rejection, so a caller that ends a program without waiting need not handle it.
 */
export function closedAfter(kept: KeptProcess, after: () => Promise<void>): KeptProcess {
  const closed = kept.closed.then(async (exit) => {
    await after()
    return exit
  })
  closed.catch(() => {})
  return {
    ...kept,
    closed,
    end() {
      kept.end().catch(() => {}) // `closed` tells
      return closed
    },
  }
}
