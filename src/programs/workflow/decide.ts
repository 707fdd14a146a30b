import type { Phase, PhaseResult } from '../../kernel/index.ts'
import { assertEpoch, cancelCheckpoints, newestCheckpoint, type CheckpointRow } from '../../record/index.ts'
import { FAILED, failStep, finishStep } from './finish.ts'
import { stateOfType, type Context, type WorkflowServices } from './services.ts'
import { stateOf } from './state.ts'

/** Follows a person's answer. An answer that was given in time counts, however late it is read. */
export const decide: Phase<WorkflowServices> = {
  does: 'reads what a person answered, or that the time for an answer is over',
  deadlineMs: () => 60_000,
  run: follow,
  on: { answered: { end: 'done' }, unanswered: { pause: 'waiting', at: 'decide' }, ...FAILED },
}

async function follow(context: Context): Promise<PhaseResult> {
  const { task } = context
  const asked = await settle(context)
  if (asked.status === 'open') {
    return {
      outcome: 'unanswered',
      reason: { code: 'approval', message: asked.question },
      change: { wakeAt: expiryOf(asked) },
    }
  }
  const state = stateOfType(context, 'human_approval')
  const { base } = stateOf(task)
  const at = asked.closedAt
  if (asked.status === 'answered') {
    const output = { answer: asked.answer, note: asked.note, at }
    const done = { outcome: 'answered', state, output, tip: base }
    if (asked.answer === 'approve') return finishStep(context, done)
    if (state.onReject !== null) return finishStep(context, { ...done, next: state.onReject })
    const note = asked.note === null ? '' : `: ${asked.note}`
    return failStep(context, { code: 'approval_rejected', message: `a person rejected it${note}` }, {}, base)
  }
  if (state.onTimeout !== null) {
    const output = { answer: null, note: null, at }
    return finishStep(context, { outcome: 'answered', state, output, tip: base, next: state.onTimeout })
  }
  const message = `nobody answered until ${expiryOf(asked) ?? 'the question was closed'}`
  return failStep(context, { code: 'approval_timeout', message }, {}, base)
}

function expiryOf({ context }: CheckpointRow): string | null {
  const { expires_at: at } = context
  return typeof at === 'string' ? at : null
}

/** The checkpoint as it is now. If its time is over, closes it first, so that no answer can arrive afterwards. */
async function settle({ services, task }: Context): Promise<CheckpointRow> {
  const { record, run } = services
  const read = async (): Promise<CheckpointRow> => {
    const asked = await newestCheckpoint(record.read, run.id, task.handle)
    if (!asked) throw new Error(`step ${task.handle} has asked nobody`)
    return asked
  }
  const asked = await read()
  const expiry = expiryOf(asked)
  if (asked.status !== 'open' || expiry === null || Date.parse(expiry) > record.clock.now()) return asked
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    await cancelCheckpoints(tx, run.id, task.handle, record.now())
  })
  return read()
}
