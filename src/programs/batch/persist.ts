import { basename } from 'node:path'
import type { Phase, PhaseContext, PhaseResult } from '../../kernel/index.ts'
import { assertEpoch } from '../../record/index.ts'
import type { BatchServices } from './services.ts'
import { stateOf, withState } from './state.ts'

/** Kept for every result that was written. A later run reads it to see that the file is done. */
export interface ResultNote {
  /** Digest of the content that was answered. */
  readonly digest: string
  /** Digest of prompt and schema. null: the result was already in the file, so Belay does not know what was asked. */
  readonly question: string | null
}

/** Repeating it after a crash writes the same result again. */
export const persist: Phase<BatchServices> = {
  does: 'writes the answer into the results file, atomically',
  deadlineMs: () => 10 * 60_000,
  run: store,
  on: { stored: { end: 'done' } },
}

async function store({ task, services }: PhaseContext<BatchServices>): Promise<PhaseResult> {
  const state = stateOf(task)
  const { answer, digest } = state
  if (answer === null || digest === null) throw new Error(`${task.handle} came to persist without an answer`)
  const { record, run, results } = services
  await results.put(task.handle, answer.output, () => assertEpoch(record.read, run.id, task.handle, task.epoch))
  const note: ResultNote = { digest, question: services.settings.question }
  return {
    outcome: 'stored',
    reason: { code: 'stored', message: `in ${basename(results.path)}` },
    state: withState(state, { answer: null }),
    attemptOutcome: 'stored',
    artifacts: [{ kind: 'result', data: note }],
  }
}
