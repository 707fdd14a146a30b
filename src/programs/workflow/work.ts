import type { TurnOutcome } from '../../agents/turn.ts'
import type { Reason } from '../../core/words.ts'
import type { Phase, PhaseResult } from '../../kernel/index.ts'
import { appendEvents, assertEpoch, beginAttempt, listAttempts } from '../../record/index.ts'
import { backoffOf, type AgentState } from '../../workflows/index.ts'
import { ask } from '../shared/ask.ts'
import { NO_FAULTS, afterBudget, judgeFailure, kindOf, reasonOf } from '../shared/faults.ts'
import { withEnv } from '../shared/role.ts'
import { answerOf } from './answer.ts'
import { FAILED, failStep, finishStep, tryExpression } from './finish.ts'
import { handoff } from './handoff.ts'
import { stepPrompt } from './prompt.ts'
import { stateOfType, stepScope, type Context, type StepPlace, type WorkflowServices } from './services.ts'
import { stateOf, withState } from './state.ts'

const MINUTE_MS = 60_000
/** Longest part of an answer that goes into the commit message, in characters. */
const MAX_SUMMARY = 2000
/** Longest turn, whatever the agent's own limit: within what a timer can hold, with a margin. */
const LONGEST_TURN_MS = 20 * 24 * 60 * MINUTE_MS

/**
 * One try of an agent step. Its attempt is in the record before the agent starts. After a crash the same attempt is made again,
 * from the state in which the step began.
 */
export const work: Phase<WorkflowServices> = {
  does: 'one turn of the agent; its answer is checked, its work kept as a commit of the step',
  // The turn has its own limit; this one leaves room for re-asks and for the setup of a checkout.
  deadlineMs: () => LONGEST_TURN_MS,
  run: (context) => attempt(context).catch(afterBudget),
  on: {
    answered: { end: 'done' },
    again: { pause: 'suspended', at: 'work' },
    quota: { pause: 'suspended', at: 'work' },
    fault: { pause: 'suspended', at: 'work' },
    budget: { pause: 'suspended', at: 'work' },
    ...FAILED,
  },
}

async function attempt(context: Context): Promise<PhaseResult> {
  const { task, services } = context
  const state = stateOfType(context, 'agent')
  const stored = stateOf(task)
  const scope = await stepScope(context)
  const tasks = await services.steps()
  const n = task.attempt + 1
  const earlier = (await listAttempts(services.record.read, services.run.id, task.handle)).find(
    (one) => one.round === 0 && one.n === n && one.endedAt === null,
  )
  const made = tryExpression(() =>
    stepPrompt({
      definition: services.definition,
      state,
      handle: task.handle,
      scope,
      step: stored,
      before: handoff(services.definition, tasks, task.handle),
      interrupted: earlier !== undefined && services.places.kind !== 'repository',
      place: services.places.kind,
    }),
  )
  if ('failure' in made) return failStep(context, made.failure, {}, stored.base)
  await beginTry(context, n)
  const place = await services.places.begin(context, stored.base, state.role.access)
  return turn(context, state, made.value, place)
}

async function turn(context: Context, state: AgentState, prompt: string, place: StepPlace): Promise<PhaseResult> {
  const { task, services } = context
  const setup = withEnv(services.setUp(state), place.env)
  const question = { role: 'step', setup, prompt, cwd: place.cwd, attempt: task.attempt + 1, session: null } as const
  let over = false
  try {
    const asked = await ask(context, question, answerOf(state.schema))
    context.signal.throwIfAborted()
    if (asked.kind === 'answer') {
      const { output, text } = asked.answer
      over = true
      const kept = await place.finish(text.slice(0, MAX_SUMMARY))
      if (kept.tampered.length > 0) {
        const message = `the agent changed what it may not, which was undone: ${kept.tampered.join('; ')}`
        return afterFailedTry(context, state, { code: 'tampered', message }, asked.session)
      }
      const change = { ...NO_FAULTS, setback: null, files: kept.files }
      const done = await finishStep(context, { outcome: 'answered', state, output, tip: kept.tip, change })
      const attempted = {
        change: { attempt: task.attempt + 1, commit: commitOf(context, kept.tip) },
        attemptSession: asked.session,
      }
      return {
        ...done,
        ...attempted,
        attemptOutcome: done.outcome === 'answered' ? 'answered' : (done.reason?.code ?? 'failed'),
      }
    }
    over = true
    await place.discard()
    if (asked.kind === 'invalid') {
      const message = `the answer does not fit the schema: ${asked.problems.join('; ')}`
      return afterFailedTry(context, state, { code: 'invalid_answer', message }, asked.session)
    }
    return afterFailure(context, state, asked.failure, asked.session)
  } finally {
    if (!over) await place.discard()
  }
}

/** The step's own commit; null if it made none. */
function commitOf({ task }: Context, tip: string | null): string | null {
  return tip === stateOf(task).base ? null : tip
}

/** Stores the attempt's row before the agent starts, so that a crash leaves a trace of the attempt. */
async function beginTry({ services, task }: Context, n: number): Promise<void> {
  const { record, run } = services
  await record.write(async (tx) => {
    await assertEpoch(tx, run.id, task.handle, task.epoch)
    await beginAttempt(tx, run.id, task.handle, n, record.now())
    await appendEvents(tx, record.now(), [
      { type: 'attempt.started', project: services.project, run: run.id, task: task.handle, data: { attempt: n } },
    ])
  })
}

/** Provider failures are waited out and do not count as attempts; every other failure does. */
function afterFailure(
  context: Context,
  state: AgentState,
  failure: Exclude<TurnOutcome, { status: 'completed' }>,
  session: string | null,
): PhaseResult {
  const { task, services } = context
  const reason = reasonOf(failure)
  const kind = kindOf(failure)
  if (kind === 'auth' || kind === 'spawn')
    return ended(failStep(context, reason, NO_FAULTS, stateOf(task).base), reason, session)
  if (kind !== 'quota' && kind !== 'rate_limit' && kind !== 'provider') {
    return afterFailedTry(context, state, reason, session)
  }
  const after = judgeFailure(failure, stateOf(task), services.record.clock.now())
  if (after.kind === 'stop') {
    return ended(failStep(context, after.reason, NO_FAULTS, stateOf(task).base), after.reason, session)
  }
  return {
    outcome: after.outcome,
    reason: after.reason,
    state: withState(stateOf(task), after.history),
    change: { wakeAt: new Date(after.at).toISOString(), faults: task.faults + 1 },
  }
}

function ended(result: PhaseResult, reason: Reason, session: string | null): PhaseResult {
  return { ...result, attemptOutcome: reason.code, ...(session === null ? {} : { attemptSession: session }) }
}

/** Tries the step again after a pause, as its `retry` says, or fails it. */
function afterFailedTry(context: Context, state: AgentState, reason: Reason, session: string | null): PhaseResult {
  const { task, services } = context
  const { retry } = state
  const n = task.attempt + 1
  const change = { ...NO_FAULTS, setback: reason.message }
  const isTaken = retry.on === null || retry.on.includes(reason.code)
  const left = (isTaken ? retry.maxAttempts : 1) + task.extraAttempts - n
  if (left <= 0) {
    const tries = n === 1 ? '' : ` (given up after ${n} tries)`
    const failed = failStep(context, { ...reason, message: `${reason.message}${tries}` }, change, stateOf(task).base)
    return { ...ended(failed, reason, session), change: { attempt: n } }
  }
  const at = new Date(services.record.clock.now() + backoffOf(retry, n)).toISOString()
  return {
    outcome: 'again',
    reason: { code: reason.code, message: `${reason.message}; tried again at ${at}` },
    state: withState(stateOf(task), change),
    change: { attempt: n, wakeAt: at },
    attemptOutcome: reason.code,
    ...(session === null ? {} : { attemptSession: session }),
  }
}
