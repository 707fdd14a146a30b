import { parseDuration } from '../../core/duration.ts'
import type { Reason } from '../../core/words.ts'
import type { Phase, PhaseResult } from '../../kernel/index.ts'
import { fill, holds, parseCondition, plainText, type Scope } from '../../workflows/expressions/index.ts'
import { isTime, type ApprovalState, type Composite, type State, type TimerState } from '../../workflows/index.ts'
import { FAILED, failStep, finishStep, tryExpression } from './finish.ts'
import { STEPS_INSIDE, TIMER } from './reasons.ts'
import { stepLevel, stepScope, type Context, type WorkflowServices } from './services.ts'
import { stateOf, withState, type StepState } from './state.ts'
import { walk } from './walk.ts'

const MINUTE_MS = 60_000
/** Most items of one loop. */
const MAX_ITEMS = 10_000
/** Longest message to a person, in characters. */
const MAX_MESSAGE = 20_000

/** Reads only the record, so repeating it after a crash gives the same result. */
export const enter: Phase<WorkflowServices> = {
  does: "works out the step's input, and all of a step that only computes",
  deadlineMs: () => 5 * MINUTE_MS,
  run: begin,
  on: {
    agent: { to: 'work' },
    computed: { end: 'done' },
    asked: { pause: 'waiting', at: 'decide' },
    timed: { pause: 'suspended', at: 'wake' },
    entered: { pause: 'suspended', at: 'join' },
    ...FAILED,
  },
}

async function begin(context: Context): Promise<PhaseResult> {
  const { services, task } = context
  const { state } = stepLevel(context)
  const tasks = await services.steps()
  const base = walk(services.definition, tasks, services.run.base || null).bases.get(task.handle) ?? null
  const scope = await stepScope(context)
  const begun = tryExpression(() => enterState(context, state, scope, base))
  return 'failure' in begun ? failStep(context, begun.failure, { base }, base) : begun.value
}

function enterState(
  context: Context,
  state: State,
  scope: Scope,
  base: string | null,
): PhaseResult | Promise<PhaseResult> {
  const keep = (change: Partial<StepState>): Readonly<Record<string, unknown>> =>
    withState(stateOf(context.task), { base, ...change })
  const fail = (reason: Reason): PhaseResult => failStep(context, reason, { base }, base)
  const computed = (output: unknown, next?: string): Promise<PhaseResult> =>
    finishStep(context, {
      outcome: 'computed',
      state,
      output,
      tip: base,
      scope,
      change: { base },
      ...(next === undefined ? {} : { next }),
    })
  const until = ({ timeoutMs = null }: Composite): string | null =>
    timeoutMs === null ? null : new Date(context.services.record.clock.now() + timeoutMs).toISOString()
  switch (state.type) {
    case 'agent':
      return { outcome: 'agent', state: keep({ input: state.input === null ? null : fill(state.input, scope) }) }
    case 'inject':
      return computed(state.value)
    case 'transform':
      return computed(fill(state.value, scope))
    case 'switch': {
      const found = state.cases.findIndex(({ when }) => holds(parseCondition(when), scope))
      const next = state.cases[found]?.next ?? state.fallback
      if (next === null)
        return fail({ code: 'no_case', message: `no case of ${state.id} holds, and it has no default` })
      return computed({ case: found === -1 ? null : found, next }, next)
    }
    case 'foreach': {
      const items = fill(state.items, scope)
      if (!Array.isArray(items)) return fail(invalid(`the items of ${state.id} are no list`, items))
      if (items.length > MAX_ITEMS) {
        return fail({ code: 'invalid_value', message: `${state.id} has ${items.length} items; at most ${MAX_ITEMS}` })
      }
      return { outcome: 'entered', state: keep({ items, until: until(state) }), reason: INSIDE }
    }
    case 'parallel':
    case 'try':
      return { outcome: 'entered', state: keep({ until: until(state) }), reason: INSIDE }
    case 'timer': {
      const at = wakeTime(context, state, scope)
      if ('code' in at) return fail(at)
      const wakeAt = new Date(at.ms).toISOString()
      return {
        outcome: 'timed',
        state: keep({ input: { until: wakeAt } }),
        change: { wakeAt },
        reason: { code: TIMER, message: `waits until ${wakeAt}` },
      }
    }
    case 'human_approval':
      return ask(context, state, scope, keep)
  }
}

const INSIDE: Reason = { code: STEPS_INSIDE, message: 'waits for the steps inside of it' }

function wakeTime(context: Context, state: TimerState, scope: Scope): { readonly ms: number } | Reason {
  const { clock } = context.services.record
  if ('until' in state.wait) {
    const until = fill(state.wait.until, scope)
    if (typeof until !== 'string' || !isTime(until))
      return invalid(`the time of ${state.id} is none with a zone`, until)
    return { ms: Date.parse(until) }
  }
  const duration = fill(state.wait.duration, scope)
  const ms = typeof duration === 'string' ? parseDuration(duration) : null
  if (ms === null) return invalid(`the duration of ${state.id} is none with a unit`, duration)
  return { ms: clock.now() + ms }
}

function invalid(what: string, value: unknown): Reason {
  return { code: 'invalid_value', message: `${what}: ${plainText(value).slice(0, 200)}` }
}

function ask(
  context: Context,
  state: ApprovalState,
  scope: Scope,
  keep: (change: Partial<StepState>) => Readonly<Record<string, unknown>>,
): PhaseResult {
  const { clock } = context.services.record
  const input = state.input === null ? null : fill(state.input, scope)
  const question = plainText(fill(state.message, input === null ? scope : { ...scope, in: input })).slice(
    0,
    MAX_MESSAGE,
  )
  const expiresAt = state.timeoutMs === null ? null : new Date(clock.now() + state.timeoutMs).toISOString()
  return {
    outcome: 'asked',
    state: keep({ input }),
    change: { wakeAt: expiresAt },
    reason: { code: 'approval', message: question },
    checkpoint: {
      kind: 'approval',
      question,
      options: ['approve', 'reject'],
      context: {
        workflow: context.services.definition.name,
        ...(input === null ? {} : { input }),
        ...(state.approvers.length === 0 ? {} : { approvers: state.approvers }),
        ...(expiresAt === null ? {} : { expires_at: expiresAt }),
      },
    },
  }
}
