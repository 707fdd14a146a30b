import { BelayError } from '../../core/errors.ts'
import type { TaskRow } from '../../record/index.ts'
import { directProgram } from './program.ts'
import { stateOf, type DirectState } from './state.ts'

/** The phase at which a task starts again, and the program state that it starts with. */
export interface Again {
  readonly phase: string | null
  readonly state: Readonly<Record<string, unknown>>
}

/**
 * What `belay retry` does to a task: counters, findings and the list of earlier attempts are dropped, notes from people are
 * kept. For `implement` (also when `from` is null) the implementer starts over at the newest result; later phases keep the
 * artifacts of earlier phases that they need. Throws `usage` for a phase that does not exist or at which this task cannot
 * start.
 */
export function beginAgain(task: TaskRow, from: string | null): Again {
  const state = stateOf(task)
  const fresh: Partial<DirectState> = { notes: state.notes }
  switch (from ?? 'implement') {
    case 'prepare':
      return { phase: 'prepare', state: { ...fresh } }
    case 'baseline':
      if (state.base === null) throw notYet(task, 'baseline', 'it has no workspace yet', 'prepare')
      return { phase: 'baseline', state: { ...fresh, base: state.base } }
    case 'implement':
      // A task that never started begins with its first phase; any other takes the newest result as its base.
      return { phase: task.phase === null ? null : 'implement', state: { ...fresh } }
    case 'verify':
      return { phase: 'verify', state: { ...fresh, ...changeOf(task, state, 'verify') } }
    case 'review':
      return { phase: 'review', state: { ...fresh, ...candidateOf(task, state, 'review') } }
    case 'integrate':
      return { phase: 'integrate', state: { ...fresh, ...approvedOf(task, state) } }
    case 'decide':
      throw new BelayError('usage', 'a task cannot begin again at decide: a retry ends its question', {
        expected: 'prepare, baseline, implement, verify, review or integrate',
        received: 'decide',
        next: `belay retry ${task.handle}`,
      })
    default:
      throw new BelayError('usage', `there is no phase "${from}"`, {
        expected: [...directProgram.phases.keys()].filter((name) => name !== 'decide').join(', '),
        received: from ?? '',
        next: `belay retry ${task.handle}`,
      })
  }
}

/** The task's state with a note from a person added, for the next agent that works on it; unchanged when `note` is null. */
export function withNote(task: TaskRow, note: string | null): Readonly<Record<string, unknown>> {
  const state = stateOf(task)
  return note === null ? task.state : { ...task.state, notes: [...state.notes, note] }
}

function changeOf(task: TaskRow, state: DirectState, phase: string): Partial<DirectState> {
  const { base, session, snapshot, answer, agents, emptyAccepted } = state
  if (snapshot === null && !emptyAccepted) throw notYet(task, phase, 'there is no change of it to prove', 'implement')
  return { base, session, snapshot, answer, agents, emptyAccepted }
}

function candidateOf(task: TaskRow, state: DirectState, phase: string): Partial<DirectState> {
  const { candidate, gates } = state
  if (candidate === null) throw notYet(task, phase, 'no change of it has passed the gates', 'verify')
  return { ...changeOf(task, state, phase), candidate, gates }
}

function approvedOf(task: TaskRow, state: DirectState): Partial<DirectState> {
  const kept = candidateOf(task, state, 'integrate')
  const { reviewedPatch, review, personApproved, emptyAccepted, answer } = state
  const reviewed = emptyAccepted || (reviewedPatch !== null && reviewedPatch === state.candidate?.patch)
  if (!reviewed) throw notYet(task, 'integrate', 'its change has not passed the review', 'review')
  if (answer?.needsHumanAttention === true && !personApproved && !emptyAccepted) {
    throw notYet(task, 'integrate', 'a person was to look at its change first', 'review')
  }
  return { ...kept, reviewedPatch, review, personApproved }
}

function notYet(task: TaskRow, phase: string, why: string, instead: string): BelayError {
  return new BelayError('usage', `task ${task.handle} cannot begin again at ${phase}: ${why}`, {
    received: phase,
    next: `belay retry ${task.handle} --from ${instead}`,
  })
}
