/** The words of `belay doctor`. */

export type Status = 'ok' | 'warn' | 'fail'

export interface Finding {
  readonly name: string
  readonly status: Status
  readonly message: string
  /** How to mend it; null when nothing is to be done. */
  readonly next: string | null
}
