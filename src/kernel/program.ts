import type { Reason, TaskStatus } from '../core/words.ts'
import type { NewArtifact, NewCheckpoint, NewDelivery, NewEvent, TaskChange, TaskRow } from '../record/index.ts'

/** Statuses that end a task until somebody mends it. */
export const END_STATUSES = ['done', 'blocked', 'replan', 'cancelled'] as const
export type EndStatus = (typeof END_STATUSES)[number]

/** Statuses in which a task keeps its phase and goes on later. */
export const PAUSE_STATUSES = ['waiting', 'suspended', 'queued'] as const
export type PauseStatus = (typeof PAUSE_STATUSES)[number]

/** Where an outcome leads: to a phase, to an end, or to a pause from which the given phase goes on. */
export type Target =
  | { readonly to: string }
  | { readonly end: EndStatus }
  | { readonly pause: PauseStatus; readonly at: string }

/** What a phase came to. Everything in it is stored in the one transaction that also moves the task on. */
export interface PhaseResult {
  /** One of the outcomes that the phase declares. */
  readonly outcome: string
  /** Why, for people and for `show`; kept on the task while it does not go on by itself. */
  readonly reason?: Reason
  /** Replaces the program's own state of the task. */
  readonly state?: Readonly<Record<string, unknown>>
  readonly change?: Pick<
    TaskChange,
    'attempt' | 'extraAttempts' | 'faults' | 'commit' | 'branch' | 'wakeAt' | 'title' | 'definition'
  >
  readonly artifacts?: readonly NewArtifact[]
  readonly events?: readonly NewEvent[]
  readonly checkpoint?: NewCheckpoint
  readonly deliveries?: readonly NewDelivery[]
  /** What became of the current attempt. */
  readonly attemptOutcome?: string
  /** Conversation in which the attempt was made. */
  readonly attemptSession?: string
}

/** What a phase is given. */
export interface PhaseContext<Services> {
  readonly task: TaskRow
  readonly services: Services
  /** Aborts when the run is interrupted, the lease is lost or the phase's deadline passes. */
  readonly signal: AbortSignal
  /** Appends events now, in a transaction of their own; throws `lease_lost` when the task's epoch is no longer ours. */
  emit(events: readonly NewEvent[]): Promise<void>
  /**
   * Asks people in the middle of the phase, which goes on meanwhile: opens the question, tells of it, and resolves with its id.
   * Whoever asks closes it; what is open when the task is claimed again is closed then. Throws as `emit`.
   */
  ask(question: NewCheckpoint): Promise<string>
}

/** One resumable step. It is written to be repeated: it looks at the world before it acts. */
export interface Phase<Services> {
  /** One sentence for `belay program show`. */
  readonly does: string
  /** Wall time after which the phase is aborted, in ms. */
  deadlineMs(services: Services): number
  run(context: PhaseContext<Services>): Promise<PhaseResult>
  readonly on: Readonly<Record<string, Target>>
}

/** A program is data: phases, and what every outcome of each leads to. */
export interface Program<Services> {
  readonly name: string
  readonly entry: string
  readonly phases: ReadonlyMap<string, Phase<Services>>
}

/**
 * Checks a program when it is built and returns it: every target is a phase of it, every phase can be reached from the
 * entry, every phase has an outcome, and from every phase an end can be reached. Throws an Error that lists all faults.
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
