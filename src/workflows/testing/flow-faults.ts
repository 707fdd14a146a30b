import { agent, flow, say, type Fault } from './check.ts'

/** States that lead nowhere, cannot be reached or cannot end, and other faults of single states. */
export const FLOW_FAULTS: readonly Fault[] = [
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
    'a code of a branch that there is not',
    flow({ id: 'p', type: 'parallel', branches: { l: { states: [say('a')] } }, retry: { max_attempts: 2, on: ['x'] } }),
    'INVALID_VALUE states[0].retry.on[0]',
  ],
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
]
