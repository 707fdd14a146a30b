import type { Io } from './io.ts'

export interface Interrupts {
  /** Aborts on the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal
  dispose(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The first Ctrl-C ends agents and saves state; the second exits at once (the keepers end what is left). */
export function listenForInterrupts(io: Pick<Io, 'note'>): Interrupts {
  return listenForStop(
    io,
    'Stopping: ending agents and saving state (again to stop at once). Go on later with: belay resume',
  )
}

/** Like `listenForInterrupts`, with another remark. */
export function listenForStop(io: Pick<Io, 'note'>, remark: string): Interrupts {
  return listen((stop) => {
    if (stop.signal.aborted) process.exit(130)
    io.note(remark)
  })
}

/** For commands that only read: Ctrl-C ends them with exit status 130, and there is nothing to save. */
export function listenForEnd(io: Io): Interrupts {
  return listen(() => {
    io.exitCode = 130
  })
}

function listen(before: (stop: AbortController) => void): Interrupts {
  const stop = new AbortController()
  const onSignal = (): void => {
    before(stop)
    stop.abort(new Error('interrupted'))
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    signal: stop.signal,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, onSignal)
    },
  }
}
