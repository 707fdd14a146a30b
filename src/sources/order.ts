/** Determines which task waits for which, as far as the source does not say so for each task. */
import type { Dependency } from './port.ts'

export interface Placed {
  readonly handle: string
  /** Whether it may run at the same time as parallel neighbours. */
  readonly parallel: boolean
  /** Any values that are equal for tasks of the same `##` phase and the same `###` section, respectively. */
  readonly phase: unknown
  readonly section: unknown
}

/**
 * The group rule of spec-kit files. Within a phase, neighbouring parallel tasks form a group, and any other task is a group by
 * itself. Each group depends on all tasks of the previous group, also across phases. A section heading ends a group too: tasks
 * below it wait for those above (tests before implementation).
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

/** Each task depends on the previous one. */
export function orderDependencies(handles: readonly string[]): Map<string, readonly Dependency[]> {
  return new Map(
    handles.map((handle, i) => {
      const before = handles[i - 1]
      return [handle, before === undefined ? [] : [{ handle: before, kind: 'order' as const }]]
    }),
  )
}
