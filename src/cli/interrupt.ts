import type { Io } from './io.ts'

export interface Interrupts {
  /** Aborts on the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal
  dispose(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Ctrl-C once: what runs is ended and state saved; twice: at once (the keepers end what is left). */
export function listenForInterrupts(io: Pick<Io, 'note'>): Interrupts {
  return listenForStop(
    io,
    'Stopping: ending agents and saving state (again to stop at once). Go on later with: belay resume',
  )
}

/** As `listenForInterrupts`, with a remark of one's own. */
export function listenForStop(io: Pick<Io, 'note'>, remark: string): Interrupts {
  return listen((stop) => {
    if (stop.signal.aborted) process.exit(130)
    io.note(remark)
  })
}

/** For commands that only look: Ctrl-C ends them, with nothing to save and exit status 130. */
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
