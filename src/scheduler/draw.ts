import { head, printable } from '../core/text.ts'
import { type GraphNode, waves } from './graph.ts'

export interface DrawnTask extends GraphNode {
  readonly title: string
  readonly done: boolean
}

const TITLE_LENGTH = 72

/**
 * The graph as lines of text for `--dry-run`: numbered steps, the tasks of one step joined by a rail because they may run in
 * parallel, `x` for a ticked box, and the dependencies that the source states explicitly. Titles are shortened and stripped of
 * control characters. No tasks: no lines.
 */
export function drawGraph(tasks: readonly DrawnTask[]): readonly string[] {
  const byHandle = new Map(tasks.map((task) => [task.handle, task]))
  const steps = waves(tasks)
  const width = String(steps.length).length
  const longest = tasks.reduce((most, task) => Math.max(most, task.handle.length), 0)
  return steps.flatMap((step, n) =>
    step.map((handle, i) => {
      const task = byHandle.get(handle)
      const number = (i === 0 ? String(n + 1) : '').padStart(width)
      const title = printable(task?.title ?? '').replace(/\s+/g, ' ')
      const short = title.length > TITLE_LENGTH ? `${head(title, TITLE_LENGTH - 1)}…` : title
      const explicit = (task?.dependsOn ?? []).filter(({ kind }) => kind === 'explicit').map((d) => d.handle)
      const after = explicit.length > 0 ? `  (after ${explicit.join(', ')})` : ''
      return `${number} ${rail(i, step.length)} [${task?.done ? 'x' : ' '}] ${printable(handle).padEnd(longest)}  ${short}${after}`
    }),
  )
}

function rail(index: number, count: number): string {
  if (count === 1) return '─'
  if (index === 0) return '┬'
  return index === count - 1 ? '└' : '├'
}
