import type { Reason, TaskStatus } from '../core/words.ts'
import type { NewArtifact, NewCheckpoint, NewDelivery, NewEvent, TaskChange, TaskRow } from '../record/index.ts'

/** Statuses that end a task until somebody retries or unblocks it. */
export const END_STATUSES = ['done', 'blocked', 'replan', 'cancelled'] as const
export type EndStatus = (typeof END_STATUSES)[number]

/** Statuses in which a task keeps a phase from which it continues later. */
export const PAUSE_STATUSES = ['waiting', 'suspended', 'queued'] as const
export type PauseStatus = (typeof PAUSE_STATUSES)[number]

/** Where an outcome leads: to a phase, to an end, or to a pause after which the task continues at phase `at`. */
export type Target =
  | { readonly to: string }
  | { readonly end: EndStatus }
  | { readonly pause: PauseStatus; readonly at: string }

/** The result of a phase. All of it is stored in the same transaction as the task's transition. */
export interface PhaseResult {
  /** One of the outcomes that the phase declares. */
  readonly outcome: string
  /** Why, for people and for `show`. Kept on the task unless it continues by itself. */
  readonly reason?: Reason
  /** Replaces the task's program-specific state. */
  readonly state?: Readonly<Record<string, unknown>>
  readonly change?: Pick<
    TaskChange,
    'attempt' | 'extraAttempts' | 'faults' | 'commit' | 'branch' | 'wakeAt' | 'title' | 'definition'
  >
  readonly artifacts?: readonly NewArtifact[]
  readonly events?: readonly NewEvent[]
  readonly checkpoint?: NewCheckpoint
  readonly deliveries?: readonly NewDelivery[]
  /** The outcome of the current attempt; present: the attempt has ended. */
  readonly attemptOutcome?: string
  /** The agent session in which the attempt was made. */
  readonly attemptSession?: string
}

/** What a phase gets to work with. */
export interface PhaseContext<Services> {
  readonly task: TaskRow
  readonly services: Services
  /** Aborts when the run is interrupted, the lease is lost or the phase's deadline passes. */
  readonly signal: AbortSignal
  /**
   * Appends events immediately, in their own transaction. Throws `lease_lost` when this process no longer holds the task's
   * epoch.
   */
  emit(events: readonly NewEvent[]): Promise<void>
  /**
   * Asks people a question while the phase continues: opens a checkpoint, queues its notifications, and resolves with its id.
   * The phase closes the checkpoint itself; one that is still open when the task is claimed again is cancelled then. Throws as
   * `emit`.
   */
  ask(question: NewCheckpoint): Promise<string>
}

/** One resumable step. It may run more than once, so it checks the state of the world before it acts. */
export interface Phase<Services> {
  /** One sentence for `belay program show`. */
  readonly does: string
  /** Wall time in ms after which the phase is aborted. */
  deadlineMs(services: Services): number
  run(context: PhaseContext<Services>): Promise<PhaseResult>
  readonly on: Readonly<Record<string, Target>>
}

/** A program is data: phases, and where each outcome leads. */
export interface Program<Services> {
  readonly name: string
  readonly entry: string
  readonly phases: ReadonlyMap<string, Phase<Services>>
}

/**
 * Checks and returns a program. Every phase needs an outcome, every target must be a phase, every phase must be reachable from
 * the entry, and an end must be reachable from every phase. Throws an Error that lists all faults.
 */
export function buildProgram<Services>(
  name: string,
  entry: string,
  phases: Readonly<Record<string, Phase<Services>>>,
): Program<Services> {
  const map = new Map(Object.entries(phases))
  const faults: string[] = []
  if (!map.has(entry)) faults.push(`entry "${entry}" is not a phase`)
  for (const [phase, { on }] of map) {
    if (Object.keys(on).length === 0) faults.push(`phase "${phase}" has no outcome`)
    for (const [outcome, target] of Object.entries(on)) {
      const next = nextPhase(target)
      if (next !== null && !map.has(next))
        faults.push(`"${phase}" on "${outcome}" leads to "${next}", which is not a phase`)
    }
  }
  const reached = reach(map, [entry], (target) => nextPhase(target))
  for (const phase of map.keys()) if (!reached.has(phase)) faults.push(`phase "${phase}" cannot be reached`)
  for (const phase of map.keys()) if (!canEnd(map, phase)) faults.push(`no end can be reached from "${phase}"`)
  if (faults.length > 0) throw new Error(`program "${name}" is not valid: ${faults.join('; ')}`)
  return { name, entry, phases: map }
}

function nextPhase(target: Target): string | null {
  if ('to' in target) return target.to
  return 'pause' in target ? target.at : null
}

function reach<S>(
  phases: ReadonlyMap<string, Phase<S>>,
  from: readonly string[],
  follow: (target: Target) => string | null,
): Set<string> {
  const seen = new Set<string>()
  const open = [...from]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    for (const target of Object.values(phases.get(name)?.on ?? {})) {
      const next = follow(target)
      if (next !== null) open.push(next)
    }
  }
  return seen
}

function canEnd<S>(phases: ReadonlyMap<string, Phase<S>>, from: string): boolean {
  return [...reach(phases, [from], nextPhase)].some((name) =>
    Object.values(phases.get(name)?.on ?? {}).some((target) => 'end' in target),
  )
}

/** Whether a status is an end. */
export function isEnd(status: TaskStatus): boolean {
  return (END_STATUSES as readonly string[]).includes(status)
}
