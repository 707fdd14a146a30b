import { callsOf, type Seen } from '../history/view.ts'
import type { Entry } from '../history/entries.ts'
import { estimateMessage, estimateText } from './estimate.ts'

export interface Sizes {
  /** Tokens the model takes in all. */
  readonly window: number
  /** At this size the conversation is compacted. */
  readonly threshold: number
  /** What is brought down to, so that it is not compacted again at once. */
  readonly target: number
  /** Tokens at the end that stay as they are. */
  readonly protect: number
}

const THRESHOLD = 0.85
const TARGET = 0.6
const PROTECT = 40_000
/** The protected tail is at most this part of the threshold: what is protected must never be what triggers. */
const PROTECT_SHARE = 0.4

/** Sizes for a window. `answer`: tokens that the answer may have; room for them is left. */
export function sizesFor(window: number, answer: number): Sizes {
  const room = window - Math.min(answer, Math.floor(window / 4))
  const threshold = Math.floor(Math.min(window * THRESHOLD, room))
  return {
    window,
    threshold,
    target: Math.floor(threshold * TARGET),
    protect: Math.min(PROTECT, Math.floor(threshold * PROTECT_SHARE)),
  }
}

/** Where in `seen` the protected tail begins: as many whole messages from the end as fit into `protect`. */
export function tailStart(seen: readonly Seen[], protect: number): number {
  let sum = 0
  for (let at = seen.length - 1; at >= 0; at--) {
    sum += estimateMessage((seen[at] as Seen).message)
    if (sum > protect) return at + 1
  }
  return 0
}

/**
 * Where the history may be cut so that the tail is kept whole: the last place at or before `start` where no call is parted from
 * its result, and the task at hand is not alone behind the cut. Null: there is nothing worth a summary before it.
 */
export function safeCut(
  seen: readonly Seen[],
  start: number,
): { readonly at: number; readonly keepFrom: number } | null {
  const last = seen.findLastIndex(({ message }) => message.role === 'assistant')
  // The newest answer and its results are what the model is at: they stay.
  for (let at = Math.min(start, last); at > 0; at--) {
    const { message, index } = seen[at] as Seen
    if (message.role !== 'toolResult' && index !== null) return at > 1 ? { at, keepFrom: index } : null
  }
  return null
}

/** Old results that are worth being left out, oldest first: everything before the tail that is not small already. */
export function prunable(
  seen: readonly Seen[],
  before: number,
  keep: number,
): { readonly index: number; readonly keep: number; readonly saves: number }[] {
  return seen.slice(0, before).flatMap(({ message, index }) => {
    if (message.role !== 'toolResult' || index === null) return []
    const text = message.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
    const saves = estimateText(text) - estimateText(text.slice(0, keep)) - NOTE
    return saves > 0 ? [{ index, keep, saves }] : []
  })
}

/** What the note in place of a result takes, in tokens, and a little. */
const NOTE = 60

/** How often each tool was called in what is summarised, for when the model cannot say it. */
export function listing(entries: readonly (Entry | null)[]): string {
  const counts = new Map<string, number>()
  const changed = new Set<string>()
  for (const entry of entries) {
    if (entry?.type === 'assistant')
      for (const { name } of callsOf(entry)) counts.set(name, (counts.get(name) ?? 0) + 1)
    if (entry?.type === 'tool_result') for (const path of entry.changed) changed.add(path)
  }
  const calls = [...counts].map(([name, count]) => `- ${name}: ${count} calls`)
  const files = [...changed].slice(-200).map((path) => `- ${path}`)
  return [
    'A summary could not be written. What was done so far, by tool:',
    ...(calls.length > 0 ? calls : ['- nothing']),
    ...(files.length > 0 ? ['Files changed:', ...files] : []),
  ].join('\n')
}
