import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { newestCheckpoint } from '../../record/index.ts'
import type { DirectServices } from './services.ts'
import { stateOf, withState } from './state.ts'

/** Reads a person's answer and takes the matching transition. */
export const decide: Phase<DirectServices> = {
  does: 'reads what a person answered, and goes on accordingly',
  deadlineMs: () => 60_000,
  run: followAnswer,
  on: {
    open: { pause: 'waiting', at: 'decide' },
    accept: { to: 'verify' },
    approve: { to: 'integrate' },
    retry: { to: 'implement' },
    block: { end: 'blocked' },
  },
}

async function followAnswer({ task, services }: PhaseContext<DirectServices>): Promise<PhaseResult> {
  const state = stateOf(task)
  const limit = services.settings.maxIterations + task.extraAttempts
  const asked = await newestCheckpoint(services.record.read, services.run.id, task.handle)
  if (asked === null || asked.status === 'cancelled') {
    throw new Error(`task ${task.handle} waits for an answer, but nothing was asked`)
  }
  if (asked.status === 'open') return { outcome: 'open', reason: { code: asked.kind, message: asked.question } }
  const notes = asked.note === null ? state.notes : [...state.notes, asked.note]
  // This answer blocked the task and somebody unblocked it since: another attempt, with both notes in the prompt.
  if (state.blockedBy === asked.id) {
    return {
      outcome: 'retry',
      state: withState(state, { setback: { kind: 'person', note: state.notes.at(-1) ?? 'Do it again.' } }),
    }
  }
  switch (asked.answer) {
    case 'accept':
      return { outcome: 'accept', state: withState(state, { notes, emptyAccepted: true }) }
    case 'approve':
      return { outcome: 'approve', state: withState(state, { notes, personApproved: true }) }
    case 'retry':
    case 'rework':
      return {
        outcome: 'retry',
        state: withState(state, {
          reviewedPatch: null,
          setback: { kind: 'person', note: asked.note ?? 'Do it again.' },
        }),
        // Asking for more work also grants the attempt that it needs.
        ...(task.attempt >= limit ? { change: { extraAttempts: task.extraAttempts + 1 } } : {}),
      }
    case 'block':
      return {
        outcome: 'block',
        reason: { code: 'person_blocked', message: asked.note ?? 'a person blocked it' },
        state: withState(state, { notes, blockedBy: asked.id }),
      }
    default:
      throw new Error(
        `checkpoint ${asked.id} was answered with "${asked.answer}", which is none of ${asked.options.join(', ')}`,
      )
  }
}
