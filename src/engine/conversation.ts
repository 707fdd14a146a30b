import { iso } from '../core/clock.ts'
import type { Emit } from './events.ts'
import { readEntries, type Entry, type ToolResultEntry } from './history/entries.ts'
import { INTERRUPTED, openCalls } from './history/view.ts'
import type { History, ToolResult } from './port.ts'

/** An entry without its time. */
export type Said = Entry extends infer One ? (One extends Entry ? Omit<One, 'at'> : never) : never

/** The conversation of a running turn. Its history in memory always equals the stored one. */
export class Conversation {
  readonly #history: History
  readonly #entries: (Entry | null)[]
  readonly #now: () => number
  readonly #emit: Emit

  private constructor(history: History, entries: (Entry | null)[], now: () => number, emit: Emit) {
    this.#history = history
    this.#entries = entries
    this.#now = now
    this.#emit = emit
  }

  /** Resumes a conversation wherever it ended. Calls without a result get one that says they were interrupted. */
  static async open(history: History, now: () => number, emit: Emit): Promise<Conversation> {
    const conversation = new Conversation(history, readEntries(await history.load()), now, emit)
    for (const call of openCalls(conversation.entries)) {
      await conversation.add(resultEntry(call, interrupted(), true))
    }
    return conversation
  }

  get entries(): readonly (Entry | null)[] {
    return this.#entries
  }

  /** Appends an entry; durable when it resolves. */
  async add(said: Said): Promise<void> {
    await this.keep({ ...said, at: iso(this.#now()) })
  }

  async keep(entry: Entry): Promise<void> {
    await this.#history.append(entry)
    this.#entries.push(entry)
    this.#emit({ type: 'entry', entry })
  }
}

export function resultEntry(
  call: { readonly id: string; readonly name: string },
  result: ToolResult,
  skipped: boolean,
): Omit<ToolResultEntry, 'at'> {
  return { type: 'tool_result', callId: call.id, tool: call.name, ...result, skipped }
}

function interrupted(): ToolResult {
  return { text: INTERRUPTED, isError: true, exitCode: null, changed: [], fullOutput: null }
}
