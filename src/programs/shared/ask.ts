import type { TurnOutcome } from '../../agents/turn.ts'
import type { JsonSchema, TurnErrorCode } from '../../agents/port.ts'
import { fence } from '../../core/text.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { reasonOf, type Failure } from './faults.ts'
import { nameOf, type RoleSetup } from './role.ts'
import { converse, type ConversationServices, type Question } from './conversation.ts'

/** How often an answer that breaks the schema goes back to the agent. */
const MAX_REASKS = 2

export type Asked<T> =
  | {
      readonly kind: 'answer'
      readonly answer: T
      readonly session: string
      /** Who gave it: the role's own agent, or one that stepped in. */
      readonly by: RoleSetup
    }
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
 * Asks an agent and checks its answer: what is wrong with it goes back into the same conversation, at most twice. When the
 * agent has used up its quota, is not there or is not logged in, the next one of `setup.failover` is asked in a conversation of
 * its own, and the reason is recorded; when none is left, the first failure is the outcome. Throws as `converse`.
 */
export async function ask<T>(
  context: PhaseContext<ConversationServices>,
  question: Omit<Question, 'schema'>,
  expected: Expectation<T>,
): Promise<Asked<T>> {
  const asked = await askOne(context, question, expected)
  let last = asked
  let from = question.setup
  for (const setup of question.setup.failover ?? []) {
    if (last.kind !== 'failure' || !isToFailOver(last.failure)) return last
    await context.emit([failoverEvent(question, last, from, setup)])
    last = await askOne(
      context,
      { ...question, setup, session: null, prompt: `${question.prompt}${CUT_OFF}` },
      expected,
    )
    from = setup
  }
  return last.kind === 'failure' && isToFailOver(last.failure) ? asked : last
}

/** The agent before may have begun. */
const CUT_OFF =
  '\n\nAnother agent was given this before you and was cut off. Its work may be in the files, unfinished: look before you build on it.'

const FAILOVER_CODES: ReadonlySet<TurnErrorCode> = new Set(['quota', 'spawn', 'auth'])

function isToFailOver(failure: Failure): boolean {
  return failure.status === 'failed' && FAILOVER_CODES.has(failure.error.code)
}

function failoverEvent(
  { attempt, role }: Omit<Question, 'schema'>,
  { failure, session }: { readonly failure: Failure; readonly session: string },
  from: RoleSetup,
  to: RoleSetup,
) {
  const reason = reasonOf(failure)
  const text = `${nameOf(from)} could not take the turn (${reason.code}), ${nameOf(to)} steps in: ${reason.message}`
  const data = { attempt, role, from: nameOf(from), to: nameOf(to), reason, text, status: 'completed' }
  return { type: 'item.failover', actor: role, session, data }
}

async function askOne<T>(
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
    if ('answer' in checked) return { kind: 'answer', answer: checked.answer, session, by: question.setup }
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
