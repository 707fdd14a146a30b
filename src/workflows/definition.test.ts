import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { checkWorkflow, leastSteps } from './index.ts'

function least(states: readonly unknown[]): number {
  const { definition, issues } = checkWorkflow(stringify({ name: 'flow', states }), 'flow.yaml', '/')
  if (definition === null) throw new Error(JSON.stringify(issues))
  return leastSteps(definition.flow)
}

const say = (id: string, more: object = {}): unknown => ({ id, type: 'inject', value: id, ...more })
const choose = (id: string, next: string, other: string): unknown => ({
  id,
  type: 'switch',
  cases: [{ when: '1 == 1', next }],
  default: other,
})

describe('the least that states come to', () => {
  it.each<[string, number, unknown[]]>([
    ['one after the other', 3, [say('a'), say('b'), say('c')]],
    ['the shorter way', 2, [choose('a', 'b', 'd'), say('b'), say('c', { next: 'end' }), say('d')]],
    ['a way out of a circle', 2, [say('a'), choose('b', 'a', 'end')]],
    [
      'a way back to what stands before',
      4,
      [choose('a', 'c', 'c'), say('b', { next: 'end' }), say('c'), say('d', { next: 'b' })],
    ],
    [
      'every branch',
      5,
      [
        {
          id: 'p',
          type: 'parallel',
          branches: { x: { states: [say('a'), say('b')] }, y: { states: [say('c'), choose('d', 'end', 'end')] } },
        },
      ],
    ],
    [
      'a body that may fail at once',
      3,
      [{ id: 't', type: 'try', states: [say('a'), say('b')], finally: { states: [say('c')] } }, say('d')],
    ],
    ['a loop without items', 2, [{ id: 'f', type: 'foreach', items: [1, 2], states: [say('a')] }, say('b')]],
  ])('is that of %s: %i', (_, steps, states) => {
    expect(least(states)).toBe(steps)
  })
})
