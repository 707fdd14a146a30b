/** Decides which task comes next: a pure function of the record's state, so that it can be tested without time. */
import type { TaskStatus } from '../core/words.ts'
import { type GraphNode, runOrder, withAncestors } from './graph.ts'

export interface PickTask extends GraphNode {
  readonly status: TaskStatus
  /** The box is ticked in the source: done, whatever the status says. */
  readonly ticked: boolean
  /**
   * When a suspended task may continue (ms since the epoch); null: only a person can decide (a budget). For a waiting task:
   * until when an answer is awaited; null: forever.
   */
  readonly wakeAt: number | null
  /** Of the tasks that could start, those with the lowest rank do (default 0), then the first in file order. */
  readonly rank?: number
}

export interface PickOptions {
  /** Only this task and its ancestors; null: all tasks. */
  readonly until: string | null
  /** A blocked task holds back only tasks that name it explicitly. */
  readonly keepGoing: boolean
  /** How many tasks may run at once; at least 1. */
  readonly concurrency: number
  /** Handles of the tasks that this process is working on. */
  readonly running: ReadonlySet<string>
  /** The current time, in ms since the epoch. */
  readonly now: number
}

/**
 * `working`: something runs, or this pick changes something. `asleep`: nothing to do before `wakeAt`. `waiting`: only people
 * can move the run on. `suspended`: only a changed limit can. `finished`: every task in scope has ended.
 */
export type PickState = 'working' | 'asleep' | 'waiting' | 'suspended' | 'finished'

export interface Pick {
  /** Tasks to start or continue now, by rank and then in file order; never more than there are free places. */
  readonly start: readonly string[]
  /** Tasks to mark as skipped (reason `dependency`); `because` is the task at the root of it. */
  readonly skip: readonly { readonly handle: string; readonly because: string }[]
  /** Skipped tasks to queue again, because what held them back has been fixed. */
  readonly requeue: readonly string[]
  readonly state: PickState
  /** The earliest time at which a suspended task that nothing else holds back wakes; null: none will. */
  readonly wakeAt: number | null
}

/** Tasks in these states need somebody's help, and so do the tasks that depend on them. */
const DEAD: ReadonlySet<TaskStatus> = new Set(['blocked', 'replan', 'cancelled'])

/**
 * Decides what happens next. Expects a graph that `checkGraph` accepted, in file order. After `skip` and `requeue` are applied,
 * another pick asks for no further ones, so a loop around this ends. Tasks outside of `until` are left alone; once the `until`
 * task is done, nothing is left to do.
 *
 * With `keepGoing`, dependencies that come from file order still keep tasks apart (a task never runs in parallel with one that
 * it would otherwise follow), but a task that cannot move holds back only those that name it explicitly.
 */
export function pick(tasks: readonly PickTask[], options: PickOptions): Pick {
  const verdicts = judge(tasks, options)
  const skip: { handle: string; because: string }[] = []
  const requeue: string[] = []
  const ready: { readonly handle: string; readonly rank: number }[] = []
  const asleep: number[] = []
  const seen = new Set<Verdict['is']>()
  for (const { handle, wakeAt, rank = 0 } of scopeOf(tasks, options)) {
    const verdict = verdicts.get(handle)
    if (!verdict) continue
    seen.add(verdict.is)
    if (verdict.is === 'ready') ready.push({ handle, rank })
    else if (verdict.is === 'mended') requeue.push(handle)
    else if (verdict.is === 'held' && verdict.act) skip.push({ handle, because: verdict.because })
    else if (verdict.is === 'asleep' && wakeAt !== null) asleep.push(wakeAt)
  }
  const places = Math.max(1, Math.floor(options.concurrency)) - options.running.size
  const wakeAt = asleep.reduce<number | null>((least, at) => (least === null || at < least ? at : least), null)
  const working = options.running.size + ready.length + skip.length + requeue.length > 0
  const start = ready.sort((a, b) => a.rank - b.rank).slice(0, Math.max(0, places))
  return { start: start.map((task) => task.handle), skip, requeue, state: stateOf(working, wakeAt, seen), wakeAt }
}

function stateOf(working: boolean, wakeAt: number | null, seen: ReadonlySet<Verdict['is']>): PickState {
  if (working) return 'working'
  if (wakeAt !== null) return 'asleep'
  if (seen.has('waiting')) return 'waiting'
  return seen.has('suspended') ? 'suspended' : 'finished'
}

function isDone(task: PickTask): boolean {
  return task.ticked || task.status === 'done'
}

function scopeOf(tasks: readonly PickTask[], { until }: PickOptions): readonly PickTask[] {
  if (until === null) return tasks
  const wanted = withAncestors(tasks, until)
  const reached = tasks.some((task) => task.handle === until && isDone(task))
  return reached ? [] : tasks.filter((task) => wanted.has(task.handle))
}

/** The state of one task, given those of its dependencies. */
type Verdict =
  | { readonly is: 'done' | 'active' | 'ready' | 'mended' | 'asleep' | 'suspended' | 'waiting' }
  /** Waits for dependencies; `moving`: one of them may change by itself. */
  | { readonly is: 'early'; readonly moving: boolean }
  /** Cannot move before `because` is fixed; `act`: the task is not yet marked as skipped. */
  | { readonly is: 'held'; readonly because: string; readonly act: boolean }

/** A verdict for every task, dependencies first. */
function judge(tasks: readonly PickTask[], options: PickOptions): ReadonlyMap<string, Verdict> {
  const byHandle = new Map(tasks.map((task) => [task.handle, task]))
  const verdicts = new Map<string, Verdict>()
  for (const handle of runOrder(tasks)) {
    const task = byHandle.get(handle)
    if (task) verdicts.set(handle, judgeOne(task, verdicts, options))
  }
  return verdicts
}

function judgeOne(task: PickTask, verdicts: ReadonlyMap<string, Verdict>, options: PickOptions): Verdict {
  if (isDone(task)) return { is: 'done' }
  if (options.running.has(task.handle)) return { is: 'active' }
  if (DEAD.has(task.status)) return { is: 'held', because: task.handle, act: false }
  // Nobody answered in time, so the task continues without an answer.
  const isLate = task.wakeAt !== null && task.wakeAt <= options.now
  if (task.status === 'waiting') return { is: isLate ? 'ready' : 'waiting' }
  const binding: Verdict[] = []
  const ordering: Verdict[] = []
  for (const { handle, kind } of task.dependsOn) {
    const verdict = verdicts.get(handle)
    if (verdict) (options.keepGoing && kind !== 'explicit' ? ordering : binding).push(verdict)
  }
  const held = binding.find((verdict) => verdict.is === 'held')
  if (held) return { is: 'held', because: held.because, act: task.status !== 'skipped' }
  if (task.status === 'skipped') return { is: 'mended' }
  const isFree = binding.every((verdict) => verdict.is === 'done') && !ordering.some(isMoving)
  if (!isFree) return { is: 'early', moving: [...binding, ...ordering].some(isMoving) }
  if (task.status !== 'suspended') return { is: 'ready' }
  if (task.wakeAt === null) return { is: 'suspended' }
  return { is: task.wakeAt <= options.now ? 'ready' : 'asleep' }
}

/** Whether the task may change without a person and without waiting for a known time. */
function isMoving(verdict: Verdict): boolean {
  return verdict.is === 'early' ? verdict.moving : ['active', 'ready', 'mended'].includes(verdict.is)
}
