import type { Usage } from '../../core/words.ts'
import type { Exec, ExecOptions } from '../../exec/index.ts'
import type { SessionStore } from '../../sessions/index.ts'
import type { Console } from './console.ts'

/** What the turns of a chat have used. */
export interface Spent {
  turns: number
  steps: number
  usage: Usage
}

/** A chat as seen by its commands. */
export interface ChatContext {
  readonly console: Console
  readonly store: SessionStore
  readonly spent: Spent
  readonly exec: Exec
  readonly options: ExecOptions
  leave(): void
  /** Switches to another session; null: a new one. */
  switchTo(id: string | null): Promise<void>
}
