import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { drawGraph } from './draw.ts'
import { checkGraph, type GraphNode, runOrder, waves, withAncestors } from './graph.ts'
import { graphs } from './testing/graphs.ts'

/** `'c a b'`: c depends on a and b. */
const nodes = (...lines: string[]): GraphNode[] =>
  lines.map((line) => {
    const [handle = '', ...rest] = line.split(' ')
    return { handle, dependsOn: rest.map((other) => ({ handle: other, kind: 'explicit' as const })) }
  })

describe('checkGraph', () => {
  it('accepts what it should, whatever the names', () => {
    checkGraph([])
    checkGraph(nodes('constructor', 'toString constructor', '__proto__ toString', 'ü __proto__'))
  })

  it('refuses a handle that is there twice', () => {
    expect(() => checkGraph(nodes('a', 'b', 'a'))).toThrow(
      expect.objectContaining({ code: 'duplicate_task', exit: 2, received: 'a twice' }),
    )
  })

  it('refuses an unknown dependency, also one that every object has', () => {
    expect(() => checkGraph(nodes('a constructor'))).toThrow(
      expect.objectContaining({ code: 'unknown_dependency', exit: 2, received: 'constructor' }),
    )
  })

  it('names the cycle', () => {
    expect(() => checkGraph(nodes('x', 'a x c', 'b a', 'c b'))).toThrow(
      expect.objectContaining({ code: 'dependency_cycle', exit: 2, received: 'a -> c -> b -> a' }),
    )
    expect(() => checkGraph(nodes('a a'))).toThrow(expect.objectContaining({ received: 'a -> a' }))
  })

  it('holds chains of any length', () => {
    const long = nodes('0', ...Array.from({ length: 20_000 }, (_, i) => `${i + 1} ${i}`)).toReversed()
    checkGraph(long)
    expect(runOrder(long)).toHaveLength(20_001)
    expect(withAncestors(long, '20000').size).toBe(20_001)
  })
})

it('finds a task and its ancestors', () => {
  const graph = nodes('a', 'b a', 'c', 'd b c', 'e d')
  expect([...withAncestors(graph, 'd')].toSorted()).toEqual(['a', 'b', 'c', 'd'])
  expect([...withAncestors(graph, 'a')]).toEqual(['a'])
  expect([...withAncestors(graph, 'toString')]).toEqual([])
})

it('orders by the file unless dependencies say otherwise', () => {
  expect(runOrder(nodes('a c', 'b', 'c', 'd'))).toEqual(['b', 'c', 'a', 'd'])
  expect(waves(nodes('a c', 'b', 'c', 'd a b'))).toEqual([['b', 'c'], ['a'], ['d']])
})

it('orders every graph soundly, and is the serial run', () => {
  fc.assert(
    fc.property(graphs(), (graph) => {
      const order = runOrder(graph)
      const place = new Map(order.map((handle, i) => [handle, i]))
      expect(order.toSorted()).toEqual(graph.map((node) => node.handle).toSorted())
      for (const { handle, dependsOn } of graph) {
        for (const other of dependsOn) expect(place.get(other.handle)).toBeLessThan(place.get(handle) ?? -1)
      }
      const done = new Set<string>()
      for (const handle of order) {
        const first = graph.find((node) => !done.has(node.handle) && node.dependsOn.every((d) => done.has(d.handle)))
        expect(handle).toBe(first?.handle)
        done.add(handle)
      }
      expect(waves(graph).flat().toSorted()).toEqual(order.toSorted())
    }),
  )
})

describe('drawGraph', () => {
  it('draws steps, rails, boxes and stated dependencies', () => {
    const titles = ['Set up', 'Model', 'View\u001b[31m red', 'Wire '.repeat(30), 'End']
    const implied = (handle: string) => [{ handle, kind: 'group' as const }]
    const stated = ['T002', 'T003'].map((handle) => ({ handle, kind: 'explicit' as const }))
    const graph = titles.map((title, i) => ({
      handle: `T00${i + 1}`,
      title,
      done: i === 0,
      dependsOn: i === 0 ? [] : i < 4 ? implied('T001') : stated,
    }))
    expect(drawGraph(graph)).toEqual([
      '1 ─ [x] T001  Set up',
      '2 ┬ [ ] T002  Model',
      '  ├ [ ] T003  View red',
      `  └ [ ] T004  ${'Wire '.repeat(14)}W…`,
      '3 ─ [ ] T005  End  (after T002, T003)',
    ])
    expect(drawGraph([])).toEqual([])
  })
})
