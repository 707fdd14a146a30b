import type { AssistantMessage, AssistantMessageEvent } from '@earendil-works/pi-ai'
import type { Clock } from '../../core/clock.ts'
import { head } from '../../core/text.ts'
import type { Emit } from '../events.ts'
import type { CallModel, ModelAnswer, ModelRequest } from './call.ts'
import type { Failure } from './failure.ts'
import { delayBefore, type RetryPolicy } from './retry.ts'

export interface Asking {
  readonly call: CallModel
  readonly retry: RetryPolicy
  readonly clock: Clock
  readonly emit: Emit
  readonly onEvent: (event: AssistantMessageEvent) => void
  /** Called for an answer that was interrupted: its tokens are paid for. */
  onBroken(partial: AssistantMessage, reason: string): Promise<void>
  /** Whether the budget is used up, possibly by an answer that was interrupted. */
  spent(): boolean
}

/**
 * Asks the model. Asks again after a wait when the service is overloaded, limits requests, fails, or drops the stream. Rejects
 * only if `onBroken` does. Ends early when the request's signal aborts.
 */
export async function askModel(request: ModelRequest, asking: Asking): Promise<ModelAnswer> {
  const { call, retry, clock, emit } = asking
  for (let attempt = 1; ; attempt++) {
    const answer = await call(request, asking.onEvent)
    if (answer.ok) return answer
    if (answer.partial !== null && used(answer.partial)) await asking.onBroken(answer.partial, answer.failure.message)
    if (answer.aborted || request.signal.aborted) return { ...answer, aborted: true }
    const delayMs = asking.spent() ? null : delayBefore(attempt, answer.failure, retry, clock.now())
    if (delayMs === null) return answer
    emit({ type: 'retry', attempt, delayMs, reason: answer.failure.message })
    try {
      await clock.sleepUntil(clock.now() + delayMs, request.signal)
    } catch {
      return { ...answer, aborted: true } // the turn ended during the wait
    }
  }
}

/**
 * As `askModel`. If the model or its server seems to reject the answer's schema, asks once more without it and with all
 * `tools`. If that succeeds, `refused` is called with the reason.
 */
export async function askInForm(
  request: ModelRequest,
  tools: ModelRequest['tools'],
  asking: Asking,
  refused: (why: string) => void,
): Promise<ModelAnswer> {
  const answer = await askModel(request, asking)
  if (answer.ok || answer.aborted || request.form === null || !mayBeTheForm(answer.failure)) return answer
  const plain = await askModel({ ...request, form: null, tools }, asking)
  if (plain.ok) refused(head(answer.failure.message, 300))
  return plain
}

/** Some servers fail on a schema that they cannot turn into a grammar, instead of rejecting it. */
function mayBeTheForm({ kind, message }: Failure): boolean {
  return kind === 'invalid' || (kind === 'provider' && /grammar|schema|response_format/i.test(message))
}

function used({ usage, content }: AssistantMessage): boolean {
  return content.length > 0 || usage.totalTokens > 0
}
