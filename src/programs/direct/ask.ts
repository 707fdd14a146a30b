import type { z } from 'zod'
import type { TurnOutcome } from '../../agents/turn.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { answerSchema, problemsOf } from '../answers.ts'
import { converse, type Question } from './conversation.ts'
import { reaskPrompt } from './prompts.ts'
import type { DirectServices } from './services.ts'

/** How often an answer that breaks the schema goes back to the agent. */
const MAX_REASKS = 2

export type Asked<T> =
  | { readonly kind: 'answer'; readonly answer: T; readonly session: string }
  | { readonly kind: 'invalid'; readonly problems: readonly string[]; readonly session: string }
  | { readonly kind: 'failure'; readonly failure: Exclude<TurnOutcome, { status: 'completed' }>; readonly session: string }

/**
 * Asks an agent and checks its answer: what breaks the schema (or `check`, which names further problems) goes back into the
 * same conversation with the problems, at most twice. Throws as `converse`.
 */
export async function ask<T>(
  context: PhaseContext<DirectServices>,
  question: Omit<Question, 'schema'>,
  schema: z.ZodType<T>,
  check: (answer: T) => readonly string[] = () => [],
): Promise<Asked<T>> {
  const json = answerSchema(schema)
  let { prompt, session } = question
  for (let reasks = 0; ; reasks++) {
    const reply = await converse(context, { ...question, prompt, session, schema: json })
    session = reply.session
    if (reply.outcome.status !== 'completed') return { kind: 'failure', failure: reply.outcome, session }
    const parsed = schema.safeParse(reply.outcome.output)
    const problems = parsed.success ? check(parsed.data) : problemsOf(parsed.error)
    if (parsed.success && problems.length === 0) return { kind: 'answer', answer: parsed.data, session }
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
