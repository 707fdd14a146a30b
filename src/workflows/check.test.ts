import { describe, expect, it } from 'vitest'
import { drawWorkflow, drawWorkflowMermaid } from './index.ts'
import { ISSUE_CODES } from './issues.ts'
import { agent, check, flow, say } from './testing/check.ts'
import { FLOW_FAULTS } from './testing/flow-faults.ts'
import { REFERENCES_FAULTS } from './testing/references-faults.ts'
import { SHAPE_FAULTS } from './testing/shape-faults.ts'

const FAULTS = [...SHAPE_FAULTS, ...FLOW_FAULTS, ...REFERENCES_FAULTS]

describe('checkWorkflow', () => {
  it('says where in a line a fault is, also of a file that is no YAML', () => {
    const [key] = check('states:\n  - {id: a, type: inject, value: 1, nxt: end}\n').issues
    expect(key).toMatchObject({ code: 'UNKNOWN_KEY', where: 'flows/demo.yaml:2:37', hint: 'did you mean next?' })
    const [broken] = check('states: []\nstates: []').issues
    expect(broken).toMatchObject({ code: 'INVALID_YAML', where: 'flows/demo.yaml:2:1' })
  })

  it('knows every code from at least one of these', () => {
    const seen = new Set(FAULTS.flatMap(([, value]) => check(value).issues.map((issue) => issue.code)))
    expect([...ISSUE_CODES].filter((code) => !seen.has(code))).toEqual([])
  })

  it('names what was expected, what was there and what was probably meant', () => {
    const [issue] = check(flow(say('first'), say('second', { next: 'frist' }))).issues
    expect(issue).toEqual({
      severity: 'error',
      code: 'UNKNOWN_TRANSITION_TARGET',
      path: 'states[1].next',
      where: 'flows/demo.yaml:11:5',
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
