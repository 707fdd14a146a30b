import { head } from '../../core/text.ts'
import type { Reason } from '../../core/words.ts'
import type { PhaseResult, Target } from '../../kernel/index.ts'
import { ExpressionError, fill, plainText, type Scope } from '../../workflows/expressions/index.ts'
import type { State } from '../../workflows/index.ts'
import { handlerOf } from './handles.ts'
import { stateOf, withState, type StepState } from './state.ts'
import { stepScope, type Context } from './services.ts'

/** Longest output of a step, in characters of its JSON: every later step may carry it along. */
const MAX_OUTPUT = 1 << 20

/** Where a failure leads: the step blocks, or a handler around it takes over. */
export const FAILED = { failed: { end: 'blocked' }, handled: { end: 'done' } } as const satisfies Record<string, Target>

export interface Outcome {
  /** The outcome of the phase. */
  readonly outcome: string
  readonly state: State
  readonly output: unknown
  readonly tip: string | null
  /** The next state; absent: the state's own `next`. */
  readonly next?: string
  readonly change?: Partial<StepState>
  readonly scope?: Scope
}

/** Ends the step with its output, shaped by the state's `output` and stored with the next state. */
export async function finishStep(context: Context, done: Outcome): Promise<PhaseResult> {
  const { state } = done
  let output = done.output
  if (state.output !== null) {
    const scope = { ...(done.scope ?? (await stepScope(context))), output }
    const shaped = tryExpression(() => fill(state.output?.value, scope))
    if ('failure' in shaped) return failStep(context, shaped.failure, done.change, done.tip)
    output = shaped.value
  }
  const size = JSON.stringify(output ?? null).length
  if (size > MAX_OUTPUT) {
    const message = `the output of ${context.task.handle} has ${size} characters; at most ${MAX_OUTPUT} are kept`
    return failStep(context, { code: 'output_too_large', message }, done.change, done.tip)
  }
  const result = { kind: 'output', output: output ?? null, next: done.next ?? state.next, tip: done.tip } as const
  return {
    outcome: done.outcome,
    state: withState(stateOf(context.task), { ...done.change, result }),
    reason: { code: 'output', message: head(plainText(output ?? null), 200) },
    artifacts: [{ kind: 'output', data: { output: output ?? null } }],
  }
}

/** Ends the step as failed: a state around it handles the failure, or the run waits for a person. */
export function failStep(
  { task, services }: Context,
  reason: Reason,
  change: Partial<StepState> = {},
  tip: string | null = null,
  step: string = task.handle,
): PhaseResult {
  const handler = handlerOf(services.definition, task.handle, reason.code)
  if (handler === null) return { outcome: 'failed', reason, state: withState(stateOf(task), change) }
  const error = { ...reason, step }
  return {
    outcome: 'handled',
    reason: { code: reason.code, message: `${reason.message}; ${handler} takes it from there` },
    state: withState(stateOf(task), { ...change, result: { kind: 'failed', error, tip } }),
    artifacts: [{ kind: 'failure', data: error }],
  }
}

/** The value of an expression, or the reason why it has none. Rethrows any error but `ExpressionError`. */
export function tryExpression<T>(work: () => T): { readonly value: T } | { readonly failure: Reason } {
  try {
    return { value: work() }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return { failure: { code: error.code, message: error.message } }
  }
}
