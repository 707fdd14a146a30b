import type { Tool } from '@earendil-works/pi-ai'
import { iso } from '../../core/clock.ts'
import type { Emit } from '../events.ts'
import type { CompactionEntry, Entry } from '../history/entries.ts'
import { viewOf } from '../history/view.ts'
import { estimateFixed, estimateMessage, sizeOf } from './estimate.ts'
import { listing, prunable, safeCut, tailStart, type Sizes } from './plan.ts'
import { summaryMessage, summaryPrompt } from './summary.ts'

export interface Compaction {
  readonly entries: () => readonly (Entry | null)[]
  readonly system: string
  readonly tools: readonly Tool[]
  readonly sizes: Sizes
  readonly now: () => number
  readonly emit: Emit
  keep(entry: Entry): Promise<void>
  /** Asks the model for a summary. Resolves to its text, or to the reason why there is none. */
  summarise(prompt: string): Promise<{ readonly note: string } | { readonly failure: string }>
}

/** Characters per token when text is cut to fit; deliberately low. */
const CHARACTERS = 3
/** The least that `squeeze` leaves of a result: enough to recognise it. */
const LEAST = 300

/** Size of the next request, in tokens. */
export function currentSize({ entries, system, tools }: Compaction): number {
  const all = entries()
  const since = all.findLastIndex((entry) => entry?.type === 'prune' || entry?.type === 'compaction')
  return sizeOf(viewOf(all), estimateFixed(system, tools), since)
}

/**
 * Makes the conversation fit and returns whether the next request does. Below the threshold nothing changes. Otherwise old tool
 * output is pruned first. If that is not enough, everything before the protected tail is summarised. If the tail alone is too
 * large, its results are cut as well. Every step appends an entry and emits an event; nothing is removed from the history.
 * `force`: the provider rejected the request as too large, whatever the estimate says.
 */
export async function makeRoom(work: Compaction, force: boolean): Promise<boolean> {
  const before = currentSize(work)
  if (before < work.sizes.threshold && !force) return true
  const sizes = force ? halved(work.sizes, before) : work.sizes
  const room = { ...work, sizes }
  const newest = viewOf(work.entries()).findLastIndex(({ message }) => message.role === 'assistant')
  if ((await prune(room, Math.min(tailOf(room), Math.max(0, newest)), 0)) < sizes.threshold) return true
  if ((await summarise(room)) < sizes.threshold) return true
  // A single answer can bring more than the window holds: several large reads at once.
  return (await squeeze(room)) < sizes.threshold
}

/** Cuts the results that are still in view, giving each an equal share of the remaining room. */
async function squeeze(work: Compaction): Promise<number> {
  const seen = viewOf(work.entries())
  const results = seen.filter(({ message }) => message.role === 'toolResult')
  const taken = results.reduce((sum, { message }) => sum + estimateMessage(message), 0)
  const room = Math.max(0, work.sizes.target - (currentSize(work) - taken))
  const keep = Math.floor((room / Math.max(1, results.length)) * CHARACTERS)
  return prune(work, seen.length, Math.max(LEAST, keep))
}

/** The estimate was too low: aim for about half of it. */
function halved({ window, target, protect }: Sizes, before: number): Sizes {
  const threshold = Math.floor(before / 2)
  return {
    window,
    threshold,
    target: Math.min(target, Math.floor(before / 2.5)),
    protect: Math.min(protect, Math.floor(before / 5)),
  }
}

function tailOf({ entries, sizes }: Compaction): number {
  return tailStart(viewOf(entries()), sizes.protect)
}

/** Prunes results before `end` (an index of the view), oldest first, until the target is met. Returns the resulting size. */
async function prune(work: Compaction, end: number, keep: number): Promise<number> {
  const before = currentSize(work)
  const { target } = work.sizes
  let saved = 0
  const results: { index: number; keep: number }[] = []
  for (const { saves, ...one } of prunable(viewOf(work.entries()), end, keep)) {
    if (before - saved <= target) break
    saved += saves
    results.push(one)
  }
  if (results.length === 0) return before
  const at = iso(work.now())
  await work.keep({ type: 'prune', at, results, tokensBefore: before, tokensAfter: before - saved })
  const after = currentSize(work)
  work.emit({ type: 'compaction', method: 'prune', tokensBefore: before, tokensAfter: after })
  return after
}

async function summarise(work: Compaction): Promise<number> {
  const { sizes } = work
  const entries = work.entries()
  const before = currentSize(work)
  const seen = viewOf(entries)
  const cut = safeCut(seen, tailOf(work))
  if (cut === null) return before
  const last = entries.findLastIndex((entry) => entry?.type === 'compaction')
  const earlier = last < 0 ? null : (entries[last] as CompactionEntry)
  const folded = entries.slice(earlier?.keepFrom ?? 0, cut.keepFrom)
  const answer = await work.summarise(
    summaryPrompt(folded, earlier?.summary ?? null, (sizes.threshold / 2) * CHARACTERS),
  )
  if ('failure' in answer) {
    const message = `the conversation could not be summarised, a list of what was done takes its place: ${answer.failure}`
    work.emit({ type: 'warning', code: 'compaction_failed', message })
  }
  const note = 'note' in answer ? answer.note : listing(entries.slice(0, cut.keepFrom))
  const tasks = tasksIn(entries.slice(0, cut.keepFrom))
  // The summary must not use up the room that it makes.
  const summary = summaryMessage(tasks, note, cut.keepFrom, (sizes.target / 3) * CHARACTERS)
  const entry: CompactionEntry = {
    type: 'compaction',
    at: iso(work.now()),
    summary,
    keepFrom: cut.keepFrom,
    method: 'note' in answer ? 'model' : 'listing',
    tokensBefore: before,
    tokensAfter: before,
  }
  const tokensAfter = sizeAfter(work, [...entries, entry])
  await work.keep({ ...entry, tokensAfter })
  work.emit({ type: 'compaction', method: entry.method, tokensBefore: before, tokensAfter })
  return tokensAfter
}

function sizeAfter({ system, tools }: Compaction, entries: readonly (Entry | null)[]): number {
  return sizeOf(viewOf(entries), estimateFixed(system, tools), entries.length)
}

/** The user's own messages: the first one, and the last five. */
function tasksIn(entries: readonly (Entry | null)[]): string[] {
  const said = entries.flatMap((entry) => (entry?.type === 'user' && entry.source !== 'engine' ? [entry.text] : []))
  return said.length <= 6 ? said : [...said.slice(0, 1), ...said.slice(-5)]
}
