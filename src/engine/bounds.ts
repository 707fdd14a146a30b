import type { Clock } from '../core/clock.ts'
import { ended, type Finish } from './finish.ts'
import { Meter, type Limits } from './limits.ts'

/**
 * Everything that can end a turn from outside the conversation: its time limit, an interruption, its budgets, its step limit.
 */
export class Bounds {
  readonly meter: Meter
  /** Aborts when the turn is interrupted, runs out of time, or is over. */
  readonly signal: AbortSignal
  readonly #limits: Limits
  readonly #clock: Clock
  readonly #started: number
  readonly #stop = new AbortController()
  #steps = 0
  #timedOut = false

  /** The turn's time starts now; `watchTime` enforces the limit. */
  constructor({ limits, clock, signal }: { limits: Limits; clock: Clock; signal: AbortSignal }) {
    this.meter = new Meter(limits)
    this.signal = AbortSignal.any([signal, this.#stop.signal])
    this.#limits = limits
    this.#clock = clock
    this.#started = clock.now()
  }

  /** Number of steps begun so far. */
  get steps(): number {
    return this.#steps
  }

  /** Begins a step and returns its number, from 1. */
  beginStep(): number {
    this.#steps += 1
    return this.#steps
  }

  /** Aborts `signal`. */
  stop(error: unknown): void {
    this.#stop.abort(error)
  }

  watchTime(): void {
    const { timeoutMs } = this.#limits
    if (timeoutMs === null) return
    const expire = (): void => {
      this.#timedOut = true
      this.stop(new Error('the time is used up'))
    }
    // Rejects when the turn ends first.
    void this.#clock.sleepUntil(this.#started + timeoutMs, this.signal).then(expire, () => {})
  }

  /** Why the turn may not make another model call; null: it may. */
  over(): Finish | null {
    const { maxSteps } = this.#limits
    return (
      this.overInStep() ??
      (this.#steps >= maxSteps
        ? ended('max_steps', `the limit of ${maxSteps} ${maxSteps === 1 ? 'step' : 'steps'} was reached`)
        : null)
    )
  }

  /** As `over`, for a step that has already begun: the step limit does not stop a step from finishing. */
  overInStep(): Finish | null {
    if (this.#timedOut) return ended('timeout', `the turn's time (${this.#limits.timeoutMs} ms) is used up`)
    if (this.signal.aborted) return ended('cancelled', 'the turn was interrupted')
    const spent = this.meter.exceeded()
    return spent === null ? null : ended(spent.reason, spent.message)
  }
}
