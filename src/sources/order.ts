/** Which task waits for which, where the source does not say it task by task. */
import type { Dependency } from './port.ts'

export interface Placed {
  readonly handle: string
  /** May run beside its neighbours that may too. */
  readonly parallel: boolean
  /** Anything that is equal for tasks of the same `##` phase, and of the same `###` section. */
  readonly phase: unknown
  readonly section: unknown
}

/**
 * The group rule of spec-kit files. Within a phase neighbouring parallel tasks are a group, any other task is a group
 * alone, and each group depends on all of the one before, also across phases. A section heading ends a group too: what
 * stands below it comes after what stands above (tests before implementation).
 */
export function groupDependencies(tasks: readonly Placed[]): Map<string, readonly Dependency[]> {
  const result = new Map<string, readonly Dependency[]>()
  let before: readonly Dependency[] = []
  let group: Placed[] = []
  for (const task of tasks) {
    const last = group.at(-1)
    if (last) {
      const samePhase = last.phase === task.phase
      const sameSection = last.section === task.section
      if (!(last.parallel && task.parallel && samePhase && sameSection)) {
        const kind = samePhase && !sameSection ? 'order' : 'group'
        before = group.map(({ handle }) => ({ handle, kind }))
        group = []
      }
    }
    group.push(task)
    result.set(task.handle, before)
  }
  return result
}

/** Every task depends on the one before it. */
export function orderDependencies(handles: readonly string[]): Map<string, readonly Dependency[]> {
  return new Map(
    handles.map((handle, i) => {
      const before = handles[i - 1]
      return [handle, before === undefined ? [] : [{ handle: before, kind: 'order' as const }]]
    }),
  )
}
