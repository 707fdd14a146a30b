import type { TurnOutcome } from '../../agents/turn.ts'
import type { JsonSchema } from '../../agents/port.ts'
import { fence } from '../../core/text.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { converse, type ConversationServices, type Question } from './conversation.ts'

/** How often an answer that breaks the schema goes back to the agent. */
const MAX_REASKS = 2

export type Asked<T> =
  | { readonly kind: 'answer'; readonly answer: T; readonly session: string }
  | { readonly kind: 'invalid'; readonly problems: readonly string[]; readonly session: string }
  | {
      readonly kind: 'failure'
      readonly failure: Exclude<TurnOutcome, { status: 'completed' }>
      readonly session: string
    }

export type Checked<T> = { readonly answer: T } | { readonly problems: readonly string[] }

/** How an agent is to answer. */
export interface Expectation<T> {
  /** null: free text is wanted. */
  readonly schema: JsonSchema | null
  /** The answer that `output` (with what was said last) is, or what is wrong with it, one line each. */
  check(output: unknown, text: string): Checked<T>
}

/**
 * Asks an agent and checks its answer: what is wrong with it goes back into the same conversation, at most twice. Throws as
 * `converse`.
 */
export async function ask<T>(
  context: PhaseContext<ConversationServices>,
  question: Omit<Question, 'schema'>,
  expected: Expectation<T>,
): Promise<Asked<T>> {
  let { prompt, session } = question
  for (let reasks = 0; ; reasks++) {
    const reply = await converse(context, { ...question, prompt, session, schema: expected.schema })
    session = reply.session
    if (reply.outcome.status !== 'completed') return { kind: 'failure', failure: reply.outcome, session }
    const checked = expected.check(reply.outcome.output, reply.outcome.text)
    if ('answer' in checked) return { kind: 'answer', answer: checked.answer, session }
    const { problems } = checked
    if (reasks === MAX_REASKS) return { kind: 'invalid', problems, session }
    await context.emit([
      { type: 'attempt.reasked', session, data: { attempt: question.attempt, role: question.role, problems } },
    ])
    // An agent that keeps no conversation has to be told everything again.
    prompt = question.setup.agent.capabilities.resume
      ? reaskPrompt(problems)
      : `${question.prompt}\n${reaskPrompt(problems)}`
  }
}

/** Sent into the same conversation when an answer broke the schema. */
function reaskPrompt(problems: readonly string[]): string {
  return [
    'Your answer did not fit the schema. Change nothing else; answer again with one JSON object that fits it. Problems:',
    fence(problems.map((problem) => `- ${problem}`).join('\n')),
  ].join('\n')
}
