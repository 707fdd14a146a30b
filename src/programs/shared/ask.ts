import type { TurnOutcome } from '../../agents/turn.ts'
import type { JsonSchema } from '../../agents/port.ts'
import { fence } from '../../core/text.ts'
import type { PhaseContext } from '../../kernel/index.ts'
import { converse, type Question } from './conversation.ts'
import { endOutage, failureOf, isOutage, outageOf, rememberOutage, type Outage } from './outages.ts'
import { nameOf, type RoleSetup } from './role.ts'
import type { ConversationServices } from './services.ts'

/** How often an answer that breaks the schema is sent back to the agent. */
const MAX_REASKS = 2

export type Asked<T> =
  | {
      readonly kind: 'answer'
      readonly answer: T
      readonly session: string
      /** The agent that answered: the role's own, or a failover. */
      readonly by: RoleSetup
    }
  | { readonly kind: 'invalid'; readonly problems: readonly string[]; readonly session: string }
  | {
      readonly kind: 'failure'
      readonly failure: Exclude<TurnOutcome, { status: 'completed' }>
      /** null: no agent was asked, because all are known to be out. */
      readonly session: string | null
    }

export type Checked<T> = { readonly answer: T } | { readonly problems: readonly string[] }

/** What an agent's answer must look like. */
export interface Expectation<T> {
  /** null: free text. */
  readonly schema: JsonSchema | null
  /** The answer in `output` (`text` is the agent's final text), or its problems, one line each. */
  check(output: unknown, text: string): Checked<T>
}

/**
 * Asks an agent and checks its answer. Problems go back into the same conversation, at most twice. If the agent has used up its
 * quota, is not installed or is not logged in, the next one of `setup.failover` is asked in a conversation of its own, and the
 * reason is recorded. From then on the agent that is out is skipped, in later turns and after a crash too: until its quota is
 * back, or else until the run is resumed. If no agent is left, the result is the failure of the agent that is back first.
 * Throws as `converse`.
 */
export async function ask<T>(
  context: PhaseContext<ConversationServices>,
  question: Omit<Question, 'schema'>,
  expected: Expectation<T>,
): Promise<Asked<T>> {
  const { setup: own, role, attempt } = question
  if ((own.failover ?? []).length === 0) return askOne(context, question, expected)
  const missed: { readonly setup: RoleSetup; readonly outage: Outage }[] = []
  let begun: string | null = null
  for (const setup of [own, ...(own.failover ?? [])]) {
    const { now, over } = await outageOf(context, role, setup)
    if (now !== null) {
      missed.push({ setup, outage: now })
      continue
    }
    const before = missed.at(-1)
    if (before) await context.emit([failoverEvent(question, before, setup)])
    const handed: Partial<Question> = begun === null ? {} : { session: null, prompt: `${question.prompt}${CUT_OFF}` }
    const asked: Asked<T> = await askOne(context, { ...question, setup, ...handed }, expected)
    if (asked.kind !== 'failure' || !isOutage(asked.failure)) {
      if (over !== null && asked.kind !== 'failure') await endOutage(context, over)
      return asked
    }
    const { failure, session } = asked
    begun = session
    missed.push({ setup, outage: await rememberOutage(context, role, setup, { failure, session, attempt }) })
  }
  return { kind: 'failure', failure: failureOf(missed.map(({ outage }) => outage)), session: begun }
}

/** The previous agent may have started the work. */
const CUT_OFF =
  '\n\nAnother agent was given this before you and was cut off. Its work may be in the files, unfinished: look before you build on it.'

function failoverEvent(
  { attempt, role }: Omit<Question, 'schema'>,
  before: { readonly setup: RoleSetup; readonly outage: Outage },
  setup: RoleSetup,
) {
  const { code, message, until, session } = before.outage
  const [from, to] = [nameOf(before.setup), nameOf(setup)]
  const back = until === null ? '' : ` (until ${until})`
  const text = `${from} could not take the turn (${code})${back}, ${to} steps in: ${message}`
  const data = { attempt, role, from, to, reason: { code, message }, until, text, status: 'completed' }
  return { type: 'item.failover', actor: role, ...(session === null ? {} : { session }), data }
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
    // An agent that keeps no conversation must be told everything again.
    prompt = question.setup.agent.capabilities.resume
      ? reaskPrompt(problems)
      : `${question.prompt}\n${reaskPrompt(problems)}`
  }
}

/** The prompt for the same conversation after an answer that broke the schema. */
function reaskPrompt(problems: readonly string[]): string {
  return [
    'Your answer did not fit the schema. Change nothing else; answer again with one JSON object that fits it. Problems:',
    fence(problems.map((problem) => `- ${problem}`).join('\n')),
  ].join('\n')
}
