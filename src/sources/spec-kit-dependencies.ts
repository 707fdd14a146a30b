/** Determines which task of a spec-kit file waits for which. */
import { statedDependencies, TASK_ID } from './depends-on.ts'
import type { Item, Outline } from './outline.ts'
import { groupDependencies } from './order.ts'
import type { Dependency } from './port.ts'
import type { Problem } from './problems.ts'
import { details, paragraph, takeHandle } from './title.ts'

export interface FoundTask {
  readonly handle: string
  readonly title: string
  readonly parallel: boolean
  /** Whether it is struck through. */
  readonly struck: boolean
  readonly item: Item
}

/** The handle of the nearest ancestor of `item` that has one in `byItem`; null: none. */
export function ancestorHandle(item: Item, byItem: ReadonlyMap<Item, string>): string | null {
  for (let above = item.parent; above; above = above.parent) {
    const handle = byItem.get(above)
    if (handle !== undefined) return handle
  }
  return null
}

/** For each step below a task, by the step's id: the handle of the task that owns it. */
function subTasks(outline: Outline, tasks: readonly FoundTask[]): Map<string, string> {
  const byItem = new Map(tasks.map((task) => [task.item, task.handle]))
  const owner = new Map<string, string>()
  for (const item of outline.items) {
    const above = byItem.has(item) ? null : ancestorHandle(item, byItem)
    const named = above === null ? null : takeHandle(item.text, TASK_ID)
    if (above !== null && named && !owner.has(named.handle)) owner.set(named.handle, above)
  }
  return owner
}

function wholeParagraph(item: Item): string {
  return [item.text, ...item.wrapped].join(' ')
}

/** The lines and bullets directly below a task, where some people write `Depends on: T001`. */
function detailLines(item: Item): string[] {
  return details(item).flatMap((part) => (typeof part === 'string' ? [part] : part.box ? [] : [paragraph(part)]))
}

/**
 * The dependencies of each of `tasks`: those that it states, else the group before it. Stated dependencies that cannot be found
 * are added to `problems`, unclear ones to `warnings`. `dropped` are tasks that are struck through.
 */
export function resolveDependencies(
  outline: Outline,
  tasks: readonly FoundTask[],
  dropped: readonly FoundTask[],
  problems: Problem[],
  warnings: Problem[],
): Map<string, readonly Dependency[]> {
  const known = tasks.map((task) => task.handle)
  const isKnown = new Set(known)
  const owner = subTasks(outline, tasks)
  const isDropped = new Set(dropped.map((task) => task.handle))
  const result = groupDependencies(
    tasks.map(({ handle, parallel, item }) => ({ handle, parallel, phase: item.phase, section: item.section })),
  )
  for (const task of tasks) {
    const stated = statedDependencies(wholeParagraph(task.item), detailLines(task.item), known)
    if (!stated) continue
    const explicit = new Set<string>()
    const line = task.item.line
    for (const name of stated.handles) {
      const handle = isKnown.has(name) ? name : owner.get(name)
      if (handle !== undefined && (handle !== task.handle || name === handle)) explicit.add(handle)
      else if (isDropped.has(name)) {
        warnings.push({ line, message: `${task.handle} depends on ${name}, which is struck through` })
      } else if (handle === undefined) {
        problems.push({ line, message: `${task.handle} depends on ${name}, which is not in this file` })
      }
    }
    if (stated.vague) {
      const message = `${task.handle} depends on something that is no task id; it waits for the group before it as well`
      warnings.push({ line, message })
    }
    const group = stated.vague || explicit.size === 0 ? (result.get(task.handle) ?? []) : []
    const implied = group.filter(({ handle }) => !explicit.has(handle))
    result.set(task.handle, [...[...explicit].map((handle) => ({ handle, kind: 'explicit' as const })), ...implied])
  }
  return result
}
