import type { KeptProcess } from '../process/index.ts'

/**
 * A program as `kept`, which is closed only when `after` is done too. What goes wrong there is told to whoever waits for
 * `closed`, however much later: to nobody else, so that who ends a program and does not wait needs not listen.
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
