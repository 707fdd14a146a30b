/** The one definition of a workflow file's keys: validation, JSON Schema and editor completion all follow from it. */
import { z } from 'zod'
import { duration, listOf, mapping, oneOf, text, whole } from '../config/leaves.ts'
import { WORKSPACES } from './definition.ts'
import { failoverKey, roleKeys } from '../config/role-keys.ts'
import { budgetKeys } from '../config/schema.ts'

/** Valid names of states, branches, agents and results. */
export const ID = /^[A-Za-z][A-Za-z0-9_-]{0,59}$/
const ID_TEXT = 'a name of letters, digits, "-" and "_" that begins with a letter'

export const STATE_TYPES = [
  'agent',
  'switch',
  'foreach',
  'parallel',
  'human_approval',
  'timer',
  'try',
  'inject',
  'transform',
] as const
export type StateType = (typeof STATE_TYPES)[number]

export const DEFAULT_CONCURRENCY = 4
export const DEFAULT_MAX_STEPS = 1000
export const MOST_ATTEMPTS = 20

const id = z.string({ error: ID_TEXT }).regex(ID, { error: ID_TEXT }).meta({ title: 'name' })
const target = z
  .string({ error: 'the id of a state of the same list, or "end"' })
  .regex(ID, { error: 'the id of a state of the same list, or "end"' })
  .meta({ title: 'id of a state' })
const template = z.unknown().meta({ title: 'value, may hold ${...}' })
const templates = z
  .record(z.string().regex(ID, { error: ID_TEXT }), z.unknown(), { error: 'a mapping of names to values' })
  .meta({ title: 'mapping' })
const jsonSchema = z
  .record(z.string(), z.unknown(), { error: 'a JSON Schema (a mapping)' })
  .meta({ title: 'JSON Schema' })

const agentKeys = roleKeys('does the step', 'workspace-write')

const agentSettings = mapping({
  ...agentKeys,
  failover: failoverKey(agentKeys.provider),
  definition: text()
    .optional()
    .describe('Provider `engine`: the agent definition (`.belay/agents/NAME.md`) that it is.')
    .meta({ examples: ['reviewer'] }),
})

/** The agent of a workflow that configures none. */
export function defaultAgent(): z.output<typeof agentSettings> {
  return agentSettings.parse({})
}

const retry = mapping({
  max_attempts: whole(1, MOST_ATTEMPTS)
    .describe('How often the step is tried in all.')
    .meta({ examples: [3] }),
  backoff: duration()
    .optional()
    .describe('Pause before the second try; doubles with each further one, at most an hour. Without it: 1s.')
    .meta({ examples: ['10s'] }),
  on: listOf(text('a code such as agent_failed'), 'codes')
    .min(1, { error: 'a list of at least one code' })
    .optional()
    .describe('Only failures with one of these codes are tried again. Without it: all.')
    .meta({ examples: [['invalid_answer', 'agent_timeout']] }),
})

/** Keys that every state may have. */
const common = {
  id: id.describe('Name of the state, unique in the whole workflow.').meta({ examples: ['review'] }),
  title: text().optional().describe('A line for people.'),
  description: text().optional().describe('Remarks for readers of the file.'),
  next: target
    .optional()
    .describe('The state that follows, or `end`. Without it: the next one of the list; after the last, the list ends.'),
  result: id
    .optional()
    .describe('Also makes the output known as `${results.NAME}`; of several states with one name the latest counts.'),
}

/** A switch leads where `cases` and `default` say. */
const { next: _, ...withoutNext } = common

const output = template.optional().describe('What the output becomes; `${output}` is what the state itself brought.')

/** Keys of states with other states inside. */
const around = {
  timeout: duration()
    .optional()
    .describe(
      'The longest that one try may take, pauses and questions in it included. Then the steps inside are given up (`step_timeout`).',
    ),
  retry: retry
    .optional()
    .describe('What failed is tried again from the beginning, with steps of its own. Without it, it is tried once.'),
}

/** The keys of each type of state. `nested` is the schema for lists of states inside a state. */
export function stateShapes(nested: z.ZodType) {
  const states = nested.describe('States that run one after the other, beginning with the first.')
  return {
    agent: mapping({
      ...common,
      type: z.literal('agent'),
      agent: z
        .union([id, agentSettings], { error: 'the name of one of `agents`, or settings of an agent' })
        .optional()
        .describe(
          'Who does it: a name from `agents`, or the settings themselves. Without it: `agent` of the workflow.',
        ),
      prompt: text().describe('What is wanted. May hold `${...}`; long values are put into code fences.'),
      input: templates
        .optional()
        .describe('Values that the agent is given beside the prompt, as JSON; known in the prompt as `${in.NAME}`.'),
      output_schema: jsonSchema
        .optional()
        .describe('JSON Schema of the answer. Without it the output is `{text}`: what the agent said last.'),
      output,
      timeout: duration().optional().describe('The longest that one turn may take; over the agent’s own.'),
      retry: retry.optional().describe('What failed is tried again. Without it, a step is tried once.'),
    }),
    switch: mapping({
      ...withoutNext,
      type: z.literal('switch'),
      cases: listOf(
        mapping({
          when: text('a condition such as ${input.kind} == "quick"').describe('A condition.'),
          next: target.describe('Where it leads when the condition holds.'),
        }),
        'cases',
      )
        .min(1, { error: 'a list of at least one case' })
        .describe('The first case whose condition holds says what follows.'),
      default: target.optional().describe('What follows when no case holds. Without it that is a failure (`no_case`).'),
    }),
    foreach: mapping({
      ...common,
      type: z.literal('foreach'),
      items: template.describe('The list, usually one reference.').meta({ examples: ['${input.files}'] }),
      item: id.default('item').describe('What each item is called: `${item}`. `${index}` counts from 0.'),
      max_concurrency: whole(1, 64).default(1).describe('How many items are worked on at the same time.'),
      states,
      output,
      ...around,
    }),
    parallel: mapping({
      ...common,
      type: z.literal('parallel'),
      branches: z
        .record(z.string().regex(ID, { error: ID_TEXT }), mapping({ states }), {
          error: 'a mapping of branch names to their states',
        })
        .refine((value) => Object.keys(value).length > 0, { error: 'at least one branch' })
        .describe('Branches that run beside each other. The output is a mapping of branch names to their outputs.'),
      output,
      ...around,
    }),
    human_approval: mapping({
      ...common,
      type: z.literal('human_approval'),
      message: text().describe('The question. May hold `${...}`.'),
      input: templates.optional().describe('Values shown to the person.'),
      approvers: listOf(text('the login name of a person'), 'login names')
        .min(1, { error: 'a list of at least one login name' })
        .optional()
        .describe('Who may answer, by login name on this machine. Without it: anybody who can run `belay answer`.'),
      timeout: duration().optional().describe('How long is waited for an answer. Without it: for ever.'),
      on_reject: target
        .optional()
        .describe('What follows a `reject`. Without it that is a failure (`approval_rejected`).'),
      on_timeout: target
        .optional()
        .describe('What follows when the time is over. Without it that is a failure (`approval_timeout`).'),
    }),
    timer: mapping({
      ...common,
      type: z.literal('timer'),
      duration: text('a duration such as "10m", or a reference')
        .optional()
        .describe('How long is waited. May be a reference.')
        .meta({ examples: ['10m'] }),
      until: text('a time such as 2026-12-24T18:00:00Z, or a reference')
        .optional()
        .describe('The time (ISO 8601) until which is waited, in place of `duration`. May be a reference.'),
    }),
    try: mapping({
      ...common,
      type: z.literal('try'),
      states,
      catch: listOf(
        mapping({
          on: listOf(text('a code such as agent_failed'), 'codes')
            .min(1, { error: 'a list of at least one code' })
            .optional()
            .describe('Only failures with one of these codes. Without it: all.'),
          states,
        }),
        'handlers',
      )
        .optional()
        .describe(
          'The first handler that takes the failure runs; `${error.code}`, `${error.message}` and `${error.step}` tell of it.',
        ),
      finally: mapping({ states }).optional().describe('Runs in any case, last.'),
      output,
      ...around,
    }),
    inject: mapping({
      ...common,
      type: z.literal('inject'),
      value: z.unknown().describe('Data, taken as it is.'),
    }),
    transform: mapping({
      ...common,
      type: z.literal('transform'),
      value: template.describe('A value made of others.'),
    }),
  } as const
}

/** The keys of the file itself. */
export function fileShape(nested: z.ZodType) {
  return mapping({
    name: id.optional().describe('Name of the workflow; without it, that of the file.'),
    version: text('text (quote numbers)').optional().describe('Your own mark.'),
    description: text().optional().describe('What it is for.'),
    workspace: oneOf(...WORKSPACES)
      .optional()
      .describe(
        'Where agents work: in a worktree of the repository, each step a commit on a branch of the run; in a folder that the steps of the run share, or each step in one of its own; or in a folder that all runs of such workflows share. Without it: the repository where there is one.',
      ),
    agent: agentSettings.optional().describe('The agent of steps that name none.'),
    agents: z
      .record(z.string().regex(ID, { error: ID_TEXT }), agentSettings, { error: 'a mapping of names to settings' })
      .optional()
      .describe('Agents that steps can name.'),
    input: jsonSchema
      .optional()
      .describe('JSON Schema of the input. Only properties that stand here can be referred to.'),
    output: template.optional().describe("The workflow's output. Without it: that of the last state."),
    output_schema: jsonSchema.optional().describe('JSON Schema that the output has to fit.'),
    start: target.optional().describe('The first state. Without it: the first of the list.'),
    concurrency: whole(1, 64)
      .default(DEFAULT_CONCURRENCY)
      .describe('How many steps are worked on at the same time, over all branches and items.'),
    max_steps: whole(1, 100_000)
      .default(DEFAULT_MAX_STEPS)
      .describe('A run that comes to more steps than this fails (`too_many_steps`).'),
    timeout: duration()
      .optional()
      .describe(
        'The longest that the whole run may take from its beginning, pauses and questions included. Then all is given up (`workflow_timeout`).',
      )
      .meta({ examples: ['8h'] }),
    budget: budgetKeys,
    states: nested.describe('The states.'),
  })
}

/** The JSON Schema of workflow files, as published. */
export function workflowJsonSchema(): Record<string, unknown> {
  const states: z.ZodType = z.lazy(() => z.array(state, { error: 'a list of states' }).min(1)).meta({ id: 'states' })
  const shapes = stateShapes(states)
  const state: z.ZodType = z
    .union([
      shapes.agent,
      shapes.switch,
      shapes.foreach,
      shapes.parallel,
      shapes.human_approval,
      shapes.timer,
      shapes.try,
      shapes.inject,
      shapes.transform,
    ])
    .meta({ id: 'state' })
  return {
    title: 'Belay workflow',
    description: 'a file for belay workflow run',
    ...z.toJSONSchema(fileShape(states), { io: 'input' }),
  }
}
