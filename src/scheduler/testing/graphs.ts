import * as fc from 'fast-check'
import type { DependencyKind } from '../../sources/index.ts'
import type { GraphNode } from '../graph.ts'

const NAMES = [
  'constructor',
  'toString',
  '__proto__',
  'hasOwnProperty',
  'T001',
  'T002',
  '1.1',
  'ü',
  '任务',
  'a b',
  'x',
  'y',
]

/** Acyclic graphs in any file order; implied dependencies point to earlier tasks of the file, as those of real sources do. */
export function graphs(): fc.Arbitrary<GraphNode[]> {
  const shape = fc.record({
    handles: fc.shuffledSubarray(NAMES),
    ranks: fc.array(fc.integer({ min: 0, max: 99 }), { minLength: NAMES.length, maxLength: NAMES.length }),
    links: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom<DependencyKind>('explicit', 'group', 'order')), {
      maxLength: 24,
    }),
  })
  return shape.map(({ handles, ranks, links }) => {
    const dependencies = handles.map(() => new Map<string, DependencyKind>())
    // A dependency points to a lower rank, so that there is no cycle.
    const rank = (i: number): number => (ranks[i] ?? 0) * 100 + i
    for (const [from, to, kind] of handles.length > 1 ? links : []) {
      const [a, b] = [from % handles.length, to % handles.length]
      const [low, high] = rank(a) < rank(b) ? [a, b] : [b, a]
      if (low === high || (kind !== 'explicit' && low > high)) continue
      dependencies[high]?.set(handles[low] ?? '', kind)
    }
    return handles.map((handle, i) => ({
      handle,
      dependsOn: [...(dependencies[i] ?? [])].map(([other, kind]) => ({ handle: other, kind })),
    }))
  })
}
