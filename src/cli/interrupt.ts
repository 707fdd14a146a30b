import type { Io } from './io.ts'

export interface Interrupts {
  /** Aborts on the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal
  dispose(): void
}

/** Ctrl-C once: what runs is ended and state saved; twice: at once (the keepers end what is left). */
export function listenForInterrupts(io: Io): Interrupts {
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130)
    io.note('Stopping: ending agents and saving state (again to stop at once). Go on later with: belay resume')
    stop.abort(new Error('interrupted'))
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, onSignal)
  return {
    signal: stop.signal,
    dispose: () => {
      for (const name of signals) process.off(name, onSignal)
    },
  }
}
