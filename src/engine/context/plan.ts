import { callsOf, type Seen } from '../history/view.ts'
import type { Entry } from '../history/entries.ts'
import { estimateMessage, estimateText } from './estimate.ts'

export interface Sizes {
  /** The model's context window, in tokens. */
  readonly window: number
  /** The conversation is compacted when it reaches this size. */
  readonly threshold: number
  /** The size that compaction aims for, low enough that it is not needed again at once. */
  readonly target: number
  /** Tokens at the end that are kept as they are. */
  readonly protect: number
}

const THRESHOLD = 0.85
const TARGET = 0.6
const PROTECT = 40_000
/** The protected tail's largest share of the threshold: the tail alone must never trigger compaction. */
const PROTECT_SHARE = 0.4

/** Sizes for a window. Room is left for an answer of `answer` tokens, but at most a quarter of the window. */
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

/** Index in `seen` at which the protected tail begins: as many whole messages from the end as fit into `protect`. */
export function tailStart(seen: readonly Seen[], protect: number): number {
  let sum = 0
  for (let at = seen.length - 1; at >= 0; at--) {
    sum += estimateMessage((seen[at] as Seen).message)
    if (sum > protect) return at + 1
  }
  return 0
}

/**
 * Where to cut the history so that everything after the cut stays intact: the last place at or before `start` that separates no
 * call from its result and keeps the newest answer. null: too little lies before it to be worth a summary.
 */
export function safeCut(
  seen: readonly Seen[],
  start: number,
): { readonly at: number; readonly keepFrom: number } | null {
  const last = seen.findLastIndex(({ message }) => message.role === 'assistant')
  // The model is working on the newest answer and its results: they stay.
  for (let at = Math.min(start, last); at > 0; at--) {
    const { message, index } = seen[at] as Seen
    if (message.role !== 'toolResult' && index !== null) return at > 1 ? { at, keepFrom: index } : null
  }
  return null
}

/** Results before index `before` that are worth pruning to `keep` characters, oldest first. Small ones are not. */
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

/** Generous size in tokens of the note that replaces a pruned result. */
const NOTE = 60

/** Stands in for a summary that the model could not write: calls per tool, and the files that were changed. */
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
