import { stringify } from 'yaml'
import { describe, expect, it } from 'vitest'
import { checkWorkflow, drawWorkflow, drawWorkflowMermaid, issueLine } from './index.ts'
import { ISSUE_CODES } from './issues.ts'

type Value = Readonly<Record<string, unknown>>

const agent = { id: 'a', type: 'agent', prompt: 'Do it.', timeout: '5m' }
const say = (id: string, more: Value = {}): Value => ({ id, type: 'inject', value: 1, ...more })
const flow = (...states: readonly unknown[]): Value => ({ agent: { command: ['x'] }, states })

function check(value: unknown) {
  return checkWorkflow(typeof value === 'string' ? value : stringify(value), 'flows/demo.yaml', '/repo')
}

/** What is wrong with each, by severity, code and path. */
const TABLE: readonly (readonly [string, unknown, string])[] = [
  ['nothing at all', '', 'EMPTY_DEFINITION (the whole file)'],
  ['an empty mapping', '{}', 'EMPTY_DEFINITION (the whole file)'],
  ['a list', '- a', 'INVALID_VALUE (the whole file)'],
  ['no YAML', 'a: [', 'INVALID_YAML (the whole file)'],
  ['a key twice', 'states: []\nstates: []', 'INVALID_YAML (the whole file)'],
  ['no states', { name: 'x' }, 'MISSING_STATES states'],
  ['an empty list of states', { states: [] }, 'MISSING_STATES states'],
  ['states that are no list', { states: { a: 1 } }, 'INVALID_VALUE states'],
  ['a state that is text', flow('a'), 'INVALID_VALUE states[0]'],
  ['an unknown key', { ...flow(say('a')), stats: [] }, 'UNKNOWN_KEY stats'],
  ['an unknown key of a state', flow(say('a', { nxt: 'end' })), 'UNKNOWN_KEY states[0].nxt'],
  [
    'next in a switch',
    flow({ id: 'a', type: 'switch', cases: [{ when: 'true', next: 'end' }], default: 'end', next: 'end' }),
    'UNKNOWN_KEY states[0].next',
  ],
  ['no id', flow({ type: 'inject', value: 1 }), 'MISSING_KEY states[0].id'],
  ['no prompt', flow({ id: 'a', type: 'agent', timeout: '1m' }), 'MISSING_KEY states[0].prompt'],
  ['a bad id', flow(say('1 a')), 'INVALID_VALUE states[0].id'],
  ['no type', flow({ id: 'a' }), 'MISSING_TYPE states[0].type'],
  ['an unknown type', flow({ id: 'a', type: 'agnet' }), 'UNKNOWN_TYPE states[0].type'],
  ['the same id twice', flow(say('a'), say('a')), 'DUPLICATE_STATE states[1].id'],
  [
    'the same id in another branch',
    flow({ id: 'p', type: 'parallel', branches: { l: { states: [say('a')] }, r: { states: [say('a')] } } }),
    'DUPLICATE_STATE states[0].branches.r.states[0].id',
  ],
  ['a reserved id', flow(say('end')), 'RESERVED_NAME states[0].id'],
  [
    'a reserved item',
    flow({ id: 'f', type: 'foreach', items: [1], item: 'steps', states: [say('a')] }),
    'RESERVED_NAME states[0].item',
  ],
  ['a start that is not there', { ...flow(say('a')), start: 'b' }, 'INVALID_START start'],
  ['a next that is not there', flow(say('a', { next: 'b' })), 'UNKNOWN_TRANSITION_TARGET states[0].next'],
  [
    'a case that leads nowhere',
    flow({ id: 'a', type: 'switch', cases: [{ when: 'true', next: 'b' }], default: 'end' }),
    'UNKNOWN_TRANSITION_TARGET states[0].cases[0].next',
  ],
  [
    'a default that leads nowhere',
    flow({ id: 'a', type: 'switch', cases: [{ when: 'true', next: 'end' }], default: 'b' }),
    'UNKNOWN_TRANSITION_TARGET states[0].default',
  ],
  [
    'a rejection that leads nowhere',
    flow({ id: 'a', type: 'human_approval', message: 'ok?', timeout: '1h', on_reject: 'b' }),
    'UNKNOWN_TRANSITION_TARGET states[0].on_reject',
  ],
  [
    'a transition out of a branch',
    flow({ id: 'p', type: 'parallel', branches: { l: { states: [say('a', { next: 'z' })] } } }, say('z')),
    'UNKNOWN_TRANSITION_TARGET states[0].branches.l.states[0].next',
  ],
  ['a state that nothing leads to', flow(say('a', { next: 'end' }), say('b')), 'UNREACHABLE_STATE states[1]'],
  ['a circle without a way out', flow(say('a'), say('b', { next: 'a' })), 'NO_END states[0], NO_END states[1]'],
  [
    'an unknown agent',
    { ...flow({ ...agent, agent: 'writr' }), agents: { writer: { command: ['x'] } } },
    'UNKNOWN_AGENT states[0].agent, UNUSED_AGENT agents.writer',
  ],
  [
    'an agent without its program',
    { states: [{ ...agent, agent: { provider: 'command' } }] },
    'MISSING_KEY states[0].agent.command',
  ],
  [
    'an agent with an unknown key',
    { states: [{ ...agent, agent: { providr: 'codex' } }] },
    'UNKNOWN_KEY states[0].agent.providr',
  ],
  [
    'an effort that the agent has not',
    { states: [{ ...agent, agent: { provider: 'codex', effort: 'huge' } }] },
    'INVALID_VALUE states[0].agent.effort',
  ],
  [
    'a bad output schema',
    flow({ ...agent, output_schema: { type: 'strnig' } }),
    'INVALID_SCHEMA states[0].output_schema',
  ],
  [
    'a bad input schema',
    { ...flow(say('a')), input: { type: 'object', properties: { a: 3 } } },
    'INVALID_SCHEMA input, UNUSED_INPUT input.properties.a',
  ],
  ['an input that is a list', { ...flow(say('a')), input: { type: 'array' } }, 'INVALID_SCHEMA input.type'],
  [
    'an expression that is never closed',
    flow({ ...agent, prompt: 'x ${input.a' }),
    'INVALID_EXPRESSION states[0].prompt',
  ],
  ['code in an expression', flow({ ...agent, prompt: '${process.exit()}' }), 'INVALID_EXPRESSION states[0].prompt'],
  [
    'a condition that cannot be read',
    flow({ id: 'a', type: 'switch', cases: [{ when: '1 +', next: 'end' }], default: 'end' }),
    'INVALID_EXPRESSION states[0].cases[0].when',
  ],
  [
    'a condition of two kinds',
    flow({ id: 'a', type: 'switch', cases: [{ when: '1 == "1"', next: 'end' }], default: 'end' }),
    'INVALID_EXPRESSION states[0].cases[0].when',
  ],
  ['an undeclared input', flow({ ...agent, prompt: '${input.a}' }), 'UNKNOWN_REFERENCE states[0].prompt'],
  ['an unknown step', flow({ ...agent, prompt: '${steps.b.output}' }), 'UNKNOWN_REFERENCE states[0].prompt'],
  [
    'a step of another branch',
    flow({
      id: 'p',
      type: 'parallel',
      branches: {
        l: { states: [say('a')] },
        r: { states: [{ id: 'b', type: 'transform', value: '${steps.a.output}' }] },
      },
    }),
    'UNKNOWN_REFERENCE states[0].branches.r.states[0].value',
  ],
  [
    'a step inside of another',
    flow(
      { id: 'f', type: 'foreach', items: [1], states: [say('a')] },
      { id: 'b', type: 'transform', value: '${steps.a.output}' },
    ),
    'UNKNOWN_REFERENCE states[1].value',
  ],
  [
    'the state around it',
    flow({
      id: 'f',
      type: 'foreach',
      items: [1],
      states: [{ id: 'b', type: 'transform', value: '${steps.f.output}' }],
    }),
    'UNKNOWN_REFERENCE states[0].states[0].value',
  ],
  [
    'more of a step than its output',
    flow(say('a'), { id: 'b', type: 'transform', value: '${steps.a.state}' }),
    'UNKNOWN_REFERENCE states[1].value',
  ],
  [
    'what the schema of an answer excludes',
    flow(
      { ...agent, output_schema: { type: 'object', properties: { x: {} }, additionalProperties: false } },
      { id: 'b', type: 'transform', value: '${steps.a.output.y}' },
    ),
    'UNKNOWN_REFERENCE states[1].value',
  ],
  [
    'more of a plain answer than its text',
    flow(agent, { id: 'b', type: 'transform', value: '${steps.a.output.summary}' }),
    'UNKNOWN_REFERENCE states[1].value',
  ],
  [
    'an item outside of its loop',
    flow({ id: 'b', type: 'transform', value: '${item}' }),
    'UNKNOWN_REFERENCE states[0].value',
  ],
  [
    'an error outside of a handler',
    flow({ id: 'b', type: 'transform', value: '${error.code}' }),
    'UNKNOWN_REFERENCE states[0].value',
  ],
  [
    'a result that nobody has',
    flow({ id: 'b', type: 'transform', value: '${results.x}' }),
    'UNKNOWN_REFERENCE states[0].value',
  ],
  [
    'something unknown of the run',
    flow({ id: 'b', type: 'transform', value: '${run.secret}' }),
    'UNKNOWN_REFERENCE states[0].value',
  ],
  [
    'an input of its own that it has not',
    flow({ ...agent, input: { a: 1 }, prompt: '${in.b}' }),
    'UNKNOWN_REFERENCE states[0].prompt',
  ],
  ['an output in an unknown reference', { ...flow(say('a')), output: '${steps.b.output}' }, 'UNKNOWN_REFERENCE output'],
  ['a bare number as a duration', flow({ ...agent, timeout: 5 }), 'INVALID_VALUE states[0].timeout'],
  ['a timer that waits for nothing', flow({ id: 't', type: 'timer' }), 'MISSING_KEY states[0].duration'],
  [
    'a timer that waits twice',
    flow({ id: 't', type: 'timer', duration: '1s', until: '2030-01-01T00:00:00Z' }),
    'MISSING_KEY states[0].duration',
  ],
  ['a timer without a unit', flow({ id: 't', type: 'timer', duration: '10' }), 'INVALID_VALUE states[0].duration'],
  [
    'a time without a zone',
    flow({ id: 't', type: 'timer', until: '2030-01-01T00:00:00' }),
    'INVALID_VALUE states[0].until',
  ],
  [
    'items that are text',
    flow({ id: 'f', type: 'foreach', items: 'a, b', states: [say('a')] }),
    'INVALID_VALUE states[0].items',
  ],
  [
    'items that are a number',
    flow({ id: 'f', type: 'foreach', items: 3, states: [say('a')] }),
    'INVALID_VALUE states[0].items',
  ],
  [
    'a loop without states',
    flow({ id: 'f', type: 'foreach', items: [1], states: [] }),
    'MISSING_STATES states[0].states',
  ],
  ['no branches', flow({ id: 'p', type: 'parallel', branches: {} }), 'INVALID_VALUE states[0].branches'],
  ['too many tries', flow({ ...agent, retry: { max_attempts: 99 } }), 'INVALID_VALUE states[0].retry.max_attempts'],
  [
    'a code that there is not',
    flow({ ...agent, retry: { max_attempts: 2, on: ['agent_faild'] } }),
    'INVALID_VALUE states[0].retry.on[0]',
  ],
  [
    'a handler after one for all',
    flow({
      id: 't',
      type: 'try',
      states: [say('a')],
      catch: [{ states: [say('b')] }, { on: ['no_case'], states: [say('c')] }],
    }),
    'UNREACHABLE_HANDLER states[0].catch[1]',
  ],
  [
    'a try of a loop that takes no time',
    flow({ id: 'f', type: 'foreach', items: [1], timeout: 5, states: [say('a')] }),
    'INVALID_VALUE states[0].timeout',
  ],
  [
    'a code of a branch that there is not',
    flow({ id: 'p', type: 'parallel', branches: { l: { states: [say('a')] } }, retry: { max_attempts: 2, on: ['x'] } }),
    'INVALID_VALUE states[0].retry.on[0]',
  ],
  ['a limit of the workflow without a unit', { ...flow(say('a')), timeout: 5 }, 'INVALID_VALUE timeout'],
  ['a limit of what only computes', flow(say('a', { timeout: '1m' })), 'UNKNOWN_KEY states[0].timeout'],
  ['a retry of a timer', flow({ id: 't', type: 'timer', duration: '1s', retry: {} }), 'UNKNOWN_KEY states[0].retry'],
  ['an agent without a limit', flow({ id: 'a', type: 'agent', prompt: 'x' }), 'MISSING_TIMEOUT states[0].timeout'],
  [
    'an approval without a limit',
    flow({ id: 'a', type: 'human_approval', message: 'ok?' }),
    'MISSING_TIMEOUT states[0].timeout',
  ],
  [
    'a switch without a default',
    flow({ id: 'a', type: 'switch', cases: [{ when: 'true', next: 'end' }] }),
    'MISSING_DEFAULT states[0].default',
  ],
  [
    'an agent that nobody names',
    { ...flow(agent), agents: { writer: { command: ['x'] } } },
    'UNUSED_AGENT agents.writer',
  ],
  [
    'an input that nobody uses',
    { ...flow(agent), input: { type: 'object', properties: { a: {} } } },
    'UNUSED_INPUT input.properties.a',
  ],
]

describe('checkWorkflow', () => {
  it.each(TABLE)('says what is wrong with %s', (_, value, expected) => {
    const { issues, definition } = check(value)
    expect(issues.map((issue) => `${issue.code} ${issue.path}`).join(', ')).toBe(expected)
    expect(definition === null).toBe(issues.some((issue) => issue.severity === 'error'))
    for (const issue of issues) {
      expect(issue.where).toMatch(/^flows\/demo\.yaml(:\d+)?$/)
      expect(issue.message).not.toBe('')
      // An error says what should be there and, unless it is missing, what is; a warning says what comes of it.
      if (issue.severity === 'error') expect(issue.expected, issueLine(issue)).not.toBeNull()
      if (issue.severity === 'error' && !/^(MISSING|EMPTY)/.test(issue.code))
        expect(issue.actual, issueLine(issue)).not.toBeNull()
      if (issue.severity === 'warning') expect(issue.hint, issueLine(issue)).not.toBeNull()
    }
  })

  it('knows every code from at least one of these', () => {
    const seen = new Set(TABLE.flatMap(([, value]) => check(value).issues.map((issue) => issue.code)))
    expect([...ISSUE_CODES].filter((code) => !seen.has(code))).toEqual([])
  })

  it('names what was expected, what was there and what was probably meant', () => {
    const [issue] = check(flow(say('first'), say('second', { next: 'frist' }))).issues
    expect(issue).toEqual({
      severity: 'error',
      code: 'UNKNOWN_TRANSITION_TARGET',
      path: 'states[1].next',
      where: 'flows/demo.yaml:11',
      message: 'second leads to no state of its list',
      expected: 'one of first, second, end',
      actual: '"frist"',
      hint: 'did you mean first?',
    })
    expect(check({ ...flow(say('a')), stats: [] }).issues[0]?.hint).toBe('did you mean states?')
  })

  it('takes a workflow with everything', () => {
    const { definition, issues } = check({
      name: 'all',
      version: '1',
      agent: { command: ['./tools/agent.sh'], timeout: '5m' },
      agents: { writer: { provider: 'codex', model: 'gpt-5.5', timeout: '3m' } },
      input: {
        type: 'object',
        properties: { files: { type: 'array' }, kind: { type: 'string' } },
        required: ['files'],
      },
      output: { all: '${steps.each.output}', said: '${results.said}' },
      start: 'route',
      states: [
        say('unused-first', { next: 'each' }),
        {
          id: 'route',
          type: 'switch',
          cases: [{ when: '${input.kind} == "quick"', next: 'unused-first' }],
          default: 'each',
        },
        {
          id: 'each',
          type: 'foreach',
          items: '${input.files}',
          item: 'file',
          max_concurrency: 2,
          states: [
            {
              id: 'read',
              type: 'agent',
              agent: 'writer',
              prompt: 'Read ${file.path}, number ${index} for ${in.kind}',
              input: { kind: '${input.kind}' },
              output: '${output.text}',
            },
            { id: 'sum', type: 'transform', value: { of: '${steps.read.output}', kind: '${input.kind}' } },
          ],
        },
        {
          id: 'guarded',
          type: 'try',
          states: [
            {
              id: 'risky',
              type: 'agent',
              prompt: 'Try ${steps.each.output[0].of}',
              retry: { max_attempts: 3, backoff: '1s', on: ['agent_failed'] },
            },
          ],
          catch: [
            {
              on: ['agent_failed'],
              states: [{ id: 'mend', type: 'transform', value: '${error.code} in ${error.step}' }],
            },
          ],
          finally: { states: [say('tidy')] },
          result: 'said',
        },
        {
          id: 'ok',
          type: 'human_approval',
          message: 'Ship ${results.said}?',
          timeout: '1h',
          approvers: ['alice'],
          on_reject: 'end',
          on_timeout: 'end',
        },
        { id: 'wait', type: 'timer', duration: '10m' },
        { id: 'both', type: 'parallel', branches: { left: { states: [say('l')] }, right: { states: [say('r')] } } },
      ],
    })
    expect(issues).toEqual([])
    expect(definition?.flow.start).toBe('route')
    expect(definition?.flow.states[2]).toMatchObject({ id: 'each', next: 'guarded', maxConcurrency: 2 })
    const text = definition === null ? '' : drawWorkflow(definition)
    expect(text).toContain('workflow all (1)')
    expect(text).toContain('agent writer (codex gpt-5.5, workspace-write, 3m00s)')
    expect(text).toContain('no answer -> end')
    const chart = definition === null ? '' : drawWorkflowMermaid(definition)
    expect(chart.split('\n')[0]).toBe('flowchart TD')
    expect(chart).toContain('s_route -->|"${input.kind} == #quot;quick#quot;"| s_unused_first')
  })

  it('is not led astray by keys that objects have', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(check(`states: [{id: a, type: inject, value: 1}]\n${name}: 1`).definition, name).toBeNull()
      expect(
        check(`states: [{id: a, type: agent, timeout: 1m, prompt: x, agent: ${name}}]`).definition,
        name,
      ).toBeNull()
      expect(check(flow({ ...agent, prompt: `\${input.${name}}` })).definition, name).toBeNull()
    }
  })
})
