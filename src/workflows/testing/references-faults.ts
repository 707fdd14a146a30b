import { agent, flow, say, type Fault } from './check.ts'

/** Expressions that cannot be parsed, and names that mean nothing at their place. */
export const REFERENCES_FAULTS: readonly Fault[] = [
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
  [
    'an input that nobody uses',
    { ...flow(agent), input: { type: 'object', properties: { a: {} } } },
    'UNUSED_INPUT input.properties.a',
  ],
]
