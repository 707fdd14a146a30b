import type { Usage } from '../core/words.ts'

/** Version of the lines. A newer one is refused, an older one is read. */
export const SCHEMA = 1

/** How a turn of a session ended. */
export interface TurnEnding {
  readonly status: 'done' | 'blocked' | 'suspended' | 'failed' | 'interrupted'
  /** A stable code, e.g. `agent_done`, `max_steps`, `budget`. */
  readonly finishReason: string
  readonly text: string
  readonly output: unknown
  readonly error: string | null
  readonly steps: number
  readonly usage: Usage
  /** Paths that changed according to git, relative to the workspace; empty outside of git. */
  readonly files: readonly string[]
  /** Commits that Belay made from the changes. */
  readonly commits: readonly string[]
}

/**
 * One line of a session. What comes from agents (`entry`, `item`, `request`) is kept unchanged, because this folder knows no
 * agent. Readers ignore unknown types.
 */
export type SessionEntry =
  | {
      readonly type: 'turn'
      readonly turn: number
      readonly prompt: string
      readonly agent: AgentLabel
      readonly cwd: string
      /** In a collaboration: the commit at which the turn began. */
      readonly base?: string
      /** Environment mark of the turn's processes. */
      readonly mark?: string
    }
  /** The engine's own form of the conversation, for the model; opaque. */
  | { readonly type: 'history'; readonly entry: unknown }
  | { readonly type: 'item'; readonly turn: number; readonly item: unknown }
  | { readonly type: 'native'; readonly provider: string; readonly native: string; readonly cwd: string }
  | { readonly type: 'approval'; readonly turn: number; readonly request: unknown; readonly answer: unknown }
  | ({ readonly type: 'turn_ended'; readonly turn: number } & TurnEnding)
  /** Everything before this line is no longer part of the conversation. */
  | { readonly type: 'cleared' }

export interface AgentLabel {
  readonly provider: string
  readonly model: string | null
}

/** An entry as read: with the time at which it was written. */
export type StoredEntry = SessionEntry & { readonly time: string }

/** First line of every session and of its export. */
export interface Header {
  readonly type: 'session'
  readonly schema: number
  readonly id: string
  readonly created_at: string
}
