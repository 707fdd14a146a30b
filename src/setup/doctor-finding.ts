/** Types for the findings of `belay doctor`. */

export type Status = 'ok' | 'warn' | 'fail'

export interface Finding {
  readonly name: string
  readonly status: Status
  readonly message: string
  /** How to fix it; null: nothing needs to be done. */
  readonly next: string | null
}
