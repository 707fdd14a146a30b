/** The graph of a run's tasks: pure functions over handles and dependencies. */
import { BelayError } from '../core/errors.ts'
import { type Dependency, findCycle } from '../sources/index.ts'

export interface GraphNode {
  readonly handle: string
  readonly dependsOn: readonly Dependency[]
}

/**
 * Throws (exit 2) `duplicate_task`, `unknown_dependency` or `dependency_cycle`. The functions below expect a graph that passed.
 */
export function checkGraph(nodes: readonly GraphNode[]): void {
  const known = new Set<string>()
  for (const { handle } of nodes) {
    if (known.has(handle)) {
      throw new BelayError('duplicate_task', `Two tasks are called ${handle}`, {
        expected: 'a unique handle for each task',
        received: `${handle} twice`,
        next: 'give one of them another id in the task list',
      })
    }
    known.add(handle)
  }
  for (const { handle, dependsOn } of nodes) {
    const unknown = dependsOn.find((dependency) => !known.has(dependency.handle))
    if (unknown) {
      throw new BelayError('unknown_dependency', `${handle} depends on ${unknown.handle}, which does not exist`, {
        expected: 'dependencies on tasks of the same run',
        received: unknown.handle,
        next: 'name an existing task, or take the dependency out',
      })
    }
  }
  const cycle = findCycle(nodes)
  if (cycle) {
    throw new BelayError('dependency_cycle', `The dependencies form a cycle: ${cycle.join(' -> ')}`, {
      expected: 'dependencies without a cycle',
      received: cycle.join(' -> '),
      next: 'take one of these dependencies out',
    })
  }
}

/** `handle` and all its direct and indirect dependencies of any kind; empty if there is no such task. */
export function withAncestors(nodes: readonly GraphNode[], handle: string): ReadonlySet<string> {
  const byHandle = new Map(nodes.map((node) => [node.handle, node]))
  const found = new Set<string>(byHandle.has(handle) ? [handle] : [])
  // Iterating over a set also visits what is added meanwhile.
  for (const next of found) {
    for (const dependency of byHandle.get(next)?.dependsOn ?? []) found.add(dependency.handle)
  }
  return found
}

/**
 * The order of tasks that run one at a time: always the first task, in file order, whose dependencies are done. Tasks of a
 * cycle are left out.
 */
export function runOrder(nodes: readonly GraphNode[]): readonly string[] {
  const { waiting, dependents } = degrees(nodes)
  const ready = nodes.flatMap((node, i) => (waiting[i] === 0 ? [i] : []))
  const order: string[] = []
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    order.push(nodes[next]?.handle ?? '')
    for (const dependent of dependents[next] ?? []) {
      waiting[dependent] = (waiting[dependent] ?? 0) - 1
      if (waiting[dependent] === 0) insertSorted(ready, dependent)
    }
  }
  return order
}

/** Tasks that may run in parallel, in waves: each task as early as its dependencies allow, in file order within a wave. */
export function waves(nodes: readonly GraphNode[]): readonly (readonly string[])[] {
  const level = new Map<string, number>()
  const byHandle = new Map(nodes.map((node) => [node.handle, node]))
  const result: string[][] = []
  for (const handle of runOrder(nodes)) {
    const above = byHandle.get(handle)?.dependsOn.map((dependency) => level.get(dependency.handle) ?? -1) ?? []
    level.set(handle, above.reduce((most, l) => Math.max(most, l), -1) + 1)
  }
  for (const { handle } of nodes) {
    const at = level.get(handle)
    if (at !== undefined) (result[at] ??= []).push(handle)
  }
  return result
}

function degrees(nodes: readonly GraphNode[]): { waiting: number[]; dependents: number[][] } {
  const index = new Map(nodes.map((node, i) => [node.handle, i]))
  const waiting = nodes.map(() => 0)
  const dependents: number[][] = nodes.map(() => [])
  for (const [i, node] of nodes.entries()) {
    for (const handle of new Set(node.dependsOn.map((dependency) => dependency.handle))) {
      const before = index.get(handle)
      if (before === undefined) continue
      waiting[i] = (waiting[i] ?? 0) + 1
      dependents[before]?.push(i)
    }
  }
  return { waiting, dependents }
}

function insertSorted(list: number[], value: number): void {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((list[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  list.splice(low, 0, value)
}
