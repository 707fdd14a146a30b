import type { Usage } from '../../core/words.ts'
import type { Exec, ExecOptions } from '../../exec/index.ts'
import type { SessionStore } from '../../sessions/index.ts'
import type { Console } from './console.ts'

/** What was used in a chat, over its turns. */
export interface Spent {
  turns: number
  steps: number
  usage: Usage
}

/** A chat as its commands see it. */
export interface ChatContext {
  readonly console: Console
  readonly store: SessionStore
  readonly spent: Spent
  readonly exec: Exec
  readonly options: ExecOptions
  leave(): void
  /** Goes over to another session: null a new one. */
  switchTo(id: string | null): Promise<void>
}
