import { agent, flow, say, type Fault } from './check.ts'

/** Wrong keys, values and types. */
export const SHAPE_FAULTS: readonly Fault[] = [
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
  ['a bare number as a duration', flow({ ...agent, timeout: 5 }), 'INVALID_VALUE states[0].timeout'],
  ['a timer that waits for nothing', flow({ id: 't', type: 'timer' }), 'MISSING_KEY states[0].duration'],
  [
    'a timer that waits twice',
    flow({ id: 't', type: 'timer', duration: '1s', until: '2030-01-01T00:00:00Z' }),
    'MISSING_KEY states[0].duration',
  ],
  [
    'a loop without states',
    flow({ id: 'f', type: 'foreach', items: [1], states: [] }),
    'MISSING_STATES states[0].states',
  ],
  ['no branches', flow({ id: 'p', type: 'parallel', branches: {} }), 'INVALID_VALUE states[0].branches'],
  ['too many tries', flow({ ...agent, retry: { max_attempts: 99 } }), 'INVALID_VALUE states[0].retry.max_attempts'],
  [
    'a try of a loop that takes no time',
    flow({ id: 'f', type: 'foreach', items: [1], timeout: 5, states: [say('a')] }),
    'INVALID_VALUE states[0].timeout',
  ],
  ['a limit of the workflow without a unit', { ...flow(say('a')), timeout: 5 }, 'INVALID_VALUE timeout'],
  ['a limit of what only computes', flow(say('a', { timeout: '1m' })), 'UNKNOWN_KEY states[0].timeout'],
  ['a retry of a timer', flow({ id: 't', type: 'timer', duration: '1s', retry: {} }), 'UNKNOWN_KEY states[0].retry'],
  [
    'an agent that nobody names',
    { ...flow(agent), agents: { writer: { command: ['x'] } } },
    'UNUSED_AGENT agents.writer',
  ],
]
