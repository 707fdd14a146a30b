/**
 * The entries of a conversation's history. They are JSON, only ever appended, and never change; view.ts derives the model's
 * view.
 */
import type { AssistantMessage } from '@earendil-works/pi-ai'
import { BelayError } from '../../core/errors.ts'
import type { FinishReason } from '../finish.ts'

interface At {
  /** ISO time. */
  readonly at: string
}

/** A message to the model. `task`: what a turn is about. `steer`: sent during a turn. `engine`: from the loop itself. */
export interface UserEntry extends At {
  readonly type: 'user'
  readonly source: 'task' | 'steer' | 'engine'
  readonly text: string
}

/** A complete answer as the provider gave it: text, reasoning with signatures, calls, usage. */
export interface AssistantEntry extends At {
  readonly type: 'assistant'
  readonly message: AssistantMessage
}

/** An answer that was interrupted. Kept for people; the model never sees it. */
export interface PartialEntry extends At {
  readonly type: 'partial'
  readonly message: AssistantMessage
  readonly reason: string
}

export interface ToolResultEntry extends At {
  readonly type: 'tool_result'
  readonly callId: string
  readonly tool: string
  readonly text: string
  readonly isError: boolean
  readonly exitCode: number | null
  readonly changed: readonly string[]
  readonly fullOutput: string | null
  /** The call was not run: refused, unknown tool, invalid input, or the turn ended first. */
  readonly skipped: boolean
}

/**
 * From here on the model sees only the first `keep` characters of these results. `index` is the entry's index in the history.
 */
export interface PruneEntry extends At {
  readonly type: 'prune'
  readonly results: readonly { readonly index: number; readonly keep: number }[]
  readonly tokensBefore: number
  readonly tokensAfter: number
}

/** From here on the model sees `summary` instead of the entries before index `keepFrom`. */
export interface CompactionEntry extends At {
  readonly type: 'compaction'
  readonly summary: string
  /** Index (from 0, in the whole history) of the first entry that is still seen unchanged. */
  readonly keepFrom: number
  /** `model`: the model wrote the summary. `listing`: Belay made it, because the model failed to. */
  readonly method: 'model' | 'listing'
  readonly tokensBefore: number
  readonly tokensAfter: number
}

/** A person allowed this kind of call (`approvalKey`) for the rest of the conversation. */
export interface AllowedEntry extends At {
  readonly type: 'allowed'
  readonly key: string
}

/** A turn ended. */
export interface FinishEntry extends At {
  readonly type: 'finish'
  readonly reason: FinishReason
  readonly message: string
}

export type Entry =
  | UserEntry
  | AssistantEntry
  | PartialEntry
  | ToolResultEntry
  | PruneEntry
  | CompactionEntry
  | AllowedEntry
  | FinishEntry

type Fields = Readonly<Record<string, 'string' | 'number' | 'boolean' | 'object' | 'array'>>

/** The fields of each entry that the view cannot do without. */
const NEEDED: Readonly<Record<string, Fields>> = {
  user: { source: 'string', text: 'string' },
  assistant: { message: 'object' },
  partial: { message: 'object' },
  tool_result: { callId: 'string', tool: 'string', text: 'string', isError: 'boolean' },
  prune: { results: 'array' },
  compaction: { summary: 'string', keepFrom: 'number' },
  allowed: { key: 'string' },
  finish: { reason: 'string' },
}

/**
 * Checks stored entries. An entry of an unknown type becomes null: it keeps its index but is not in the view. Throws
 * `history_unreadable` for an entry that lacks its type or a field it needs.
 */
export function readEntries(raw: readonly unknown[]): (Entry | null)[] {
  return raw.map((entry, index) => {
    const { type } = (entry ?? {}) as { type?: unknown }
    const needed = typeof type === 'string' && Object.hasOwn(NEEDED, type) ? NEEDED[type] : undefined
    if (needed === undefined) {
      if (typeof type === 'string') return null
      throw unreadable(index, 'it has no type')
    }
    for (const [field, kind] of Object.entries(needed)) {
      const value = (entry as Record<string, unknown>)[field]
      const is = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value
      if (is !== kind) throw unreadable(index, `${String(type)}.${field} is no ${kind}`)
    }
    if (type === 'assistant' && !Array.isArray((entry as AssistantEntry).message.content))
      throw unreadable(index, 'assistant.message.content is no array')
    return entry as Entry
  })
}

function unreadable(index: number, why: string): BelayError {
  return new BelayError('history_unreadable', `entry ${index} of the conversation cannot be read: ${why}`, {
    expected: 'entries as this version of Belay writes them',
    next: 'begin a new conversation',
  })
}
