import type { TaskRow } from '../../record/index.ts'
import type { Reason, Severity } from '../../core/words.ts'
import type { ImplementAnswer, ReviewAnswer } from '../answers.ts'

/** A reviewer's finding, followed over several reviews. */
export interface Finding {
  readonly id: string
  readonly severity: Severity
  readonly issue: string
  readonly fixHint: string
  readonly file: string | null
  readonly status: 'open' | 'resolved'
  /** How many reviews have named it. */
  readonly seen: number
}

/** The agent's change: a tree, kept alive by a commit on the base that it was made on. */
export interface Snapshot {
  readonly base: string
  readonly tree: string
  readonly commit: string
}

/** What is verified and landed: the change on a tip of the result branch, with the source's tick. */
export interface Candidate {
  readonly tip: string
  readonly tree: string
  /** The change itself, without the tick, as an id (see `patchOf`). */
  readonly patch: string
}

/** Why the latest attempt has to be repeated; goes into the next prompt. */
export type Setback =
  | { readonly kind: 'gates'; readonly gates: readonly FailedGate[] }
  | { readonly kind: 'review' }
  | { readonly kind: 'partial'; readonly items: readonly string[] }
  | { readonly kind: 'invalid_answer'; readonly problems: readonly string[] }
  | { readonly kind: 'tampered'; readonly what: readonly string[] }
  | { readonly kind: 'conflict'; readonly paths: readonly string[] }
  | { readonly kind: 'person'; readonly note: string }

export interface FailedGate {
  readonly name: string
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: string | null
  readonly why: string
  readonly outputHead: string
  readonly outputTail: string
}

/** A note that begins with this word is how the implementer says that its new tests are meant to fail for now. */
export const RED_NOTE = 'red_expected'

/** The direct program's state of one task. */
export interface DirectState {
  readonly base: string | null
  /** Belay's id of the implementer's conversation; null: start a new one. */
  readonly session: string | null
  readonly snapshot: Snapshot | null
  readonly candidate: Candidate | null
  readonly answer: ImplementAnswer | null
  readonly review: ReviewAnswer | null
  /** The change that passed review, as an id (see `patchOf`). */
  readonly reviewedPatch: string | null
  readonly findings: readonly Finding[]
  readonly setback: Setback | null
  /** The latest turn was cut off (quota, budget, provider failure); its work so far is in the snapshot. */
  readonly cutOff: boolean
  /** Why another attempt makes no sense before a person has looked at the task. */
  readonly stuck: Reason | null
  /** One line per earlier attempt, oldest first. */
  readonly tried: readonly string[]
  /** Notes from people (`unblock --note`, notes of checkpoint answers). */
  readonly notes: readonly string[]
  /** The result of each gate on the candidate, for the trailer. */
  readonly gates: readonly { readonly name: string; readonly result: string }[]
  readonly emptyAccepted: boolean
  readonly personApproved: boolean
  /** Id of the checkpoint whose answer blocked the task. */
  readonly blockedBy: string | null
  readonly conflicts: number
  /** Number of consecutive faults, for backoff. */
  readonly faults: number
  readonly faultingSince: string | null
  readonly agents: Readonly<Record<string, string>>
}

const START: DirectState = {
  base: null,
  session: null,
  snapshot: null,
  candidate: null,
  answer: null,
  review: null,
  reviewedPatch: null,
  findings: [],
  setback: null,
  cutOff: false,
  stuck: null,
  tried: [],
  notes: [],
  gates: [],
  emptyAccepted: false,
  personApproved: false,
  blockedBy: null,
  conflicts: 0,
  faults: 0,
  faultingSince: null,
  agents: {},
}

/** The program's state of a task. Fields that an older version did not store get their initial value. */
export function stateOf(task: TaskRow): DirectState {
  return { ...START, ...(task.state as Partial<DirectState>) }
}

/** `state` with `change` applied, in the form in which it is stored. */
export function withState(state: DirectState, change: Partial<DirectState>): Readonly<Record<string, unknown>> {
  return { ...state, ...change }
}

export function openFindings(state: DirectState): Finding[] {
  return state.findings.filter((finding) => finding.status === 'open')
}
