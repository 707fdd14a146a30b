import type { AssistantMessage, Message, ToolCall, ToolResultMessage } from '@earendil-works/pi-ai'
import { head } from '../../core/text.ts'
import type { AssistantEntry, CompactionEntry, Entry, PruneEntry, ToolResultEntry, UserEntry } from './entries.ts'

/** A message of the model's view and the entry it was made from. */
export interface Seen {
  readonly message: Message
  /** Index of the entry in the history; null: the message has no entry of its own. */
  readonly index: number | null
}

/** Replaces a result that never came. */
export const INTERRUPTED =
  'This call was interrupted: Belay or the turn ended before there was a result. Whether it took effect is not known; look before you repeat it.'

/**
 * The model's view of a history: the entries in order, with the last compaction's summary instead of what it covers, pruned
 * results cut, and exactly one result directly after every call. Pure; works for every prefix of a history.
 */
export function viewOf(entries: readonly (Entry | null)[]): Seen[] {
  const at = entries.findLastIndex((entry) => entry?.type === 'compaction')
  const compaction = at < 0 ? null : (entries[at] as CompactionEntry)
  const from = compaction === null ? 0 : compaction.keepFrom
  const kept = prunedResults(entries)
  const seen: Seen[] = compaction === null ? [] : [{ message: user(compaction.summary, compaction.at), index: null }]
  for (let index = from; index < entries.length; index++) {
    const entry = entries[index]
    if (entry?.type === 'user') seen.push({ message: user(entry.text, entry.at), index })
    if (entry?.type !== 'assistant' || entry.message.content.length === 0) continue
    seen.push({ message: entry.message, index })
    const results = resultsOf(entries, index)
    for (const call of callsOf(entry)) {
      const found = results.get(call.id) ?? null
      seen.push({ message: resultMessage(call, found, kept), index: found?.index ?? null })
    }
  }
  return seen
}

export function callsOf(entry: AssistantEntry): ToolCall[] {
  return entry.message.content.filter((part) => part.type === 'toolCall')
}

/** Calls of the last answer that have no result. */
export function openCalls(entries: readonly (Entry | null)[]): ToolCall[] {
  const index = entries.findLastIndex((entry) => entry?.type === 'assistant')
  const last = entries[index]
  if (last?.type !== 'assistant') return []
  const answered = resultsOf(entries, index)
  return callsOf(last).filter((call) => !answered.has(call.id))
}

/** The text of an answer. */
export function textOf(message: AssistantMessage): string {
  return message.content
    .flatMap((part) => (part.type === 'text' ? [part.text] : []))
    .join('')
    .trim()
}

interface Result {
  readonly entry: ToolResultEntry
  readonly index: number
}

/** Results of the answer at `index`: only those before the next answer, because some providers reuse call ids. */
function resultsOf(entries: readonly (Entry | null)[], index: number): Map<string, Result> {
  const found = new Map<string, Result>()
  for (let at = index + 1; at < entries.length; at++) {
    const entry = entries[at]
    if (entry?.type === 'assistant') break
    if (entry?.type === 'tool_result' && !found.has(entry.callId)) found.set(entry.callId, { entry, index: at })
  }
  return found
}

function prunedResults(entries: readonly (Entry | null)[]): Map<number, number> {
  const prunes = entries.filter((entry): entry is PruneEntry => entry?.type === 'prune')
  return new Map(prunes.flatMap(({ results }) => results.map(({ index, keep }) => [index, keep] as const)))
}

function user(text: UserEntry['text'], at: string): Message {
  return { role: 'user', content: text, timestamp: Date.parse(at) }
}

function resultMessage(call: ToolCall, found: Result | null, kept: ReadonlyMap<number, number>): ToolResultMessage {
  const text = found === null ? INTERRUPTED : cutResult(found.entry, kept.get(found.index))
  return {
    role: 'toolResult',
    toolCallId: call.id,
    toolName: call.name,
    content: [{ type: 'text', text: text === '' ? '(no output)' : text }],
    isError: found?.entry.isError ?? true,
    timestamp: found === null ? 0 : Date.parse(found.entry.at),
  }
}

/** A result as the model sees it once it is pruned to `keep` characters; undefined: not pruned. */
export function cutResult(entry: ToolResultEntry, keep: number | undefined): string {
  if (keep === undefined || entry.text.length <= keep) return entry.text
  const begin = head(entry.text, keep)
  const where = entry.fullOutput === null ? 'call the tool again if you need it' : `all of it is in ${entry.fullOutput}`
  return `${begin}${begin === '' ? '' : '\n'}[Belay left out ${entry.text.length - begin.length} characters of this old result to save room; ${where}]`
}
