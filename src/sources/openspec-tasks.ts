/** Reads the tasks.md of an OpenSpec change: numbered boxes under numbered headings, in the variants that people write. */
import { criteriaOf } from './criteria.ts'
import { type Item, type Outline, readOutline } from './outline.ts'
import type { Problem } from './problems.ts'
import { quote } from './problems.ts'
import { isOddBox, isTicked, paragraph, takeHandle } from './title.ts'

export interface OpenSpecTask {
  readonly handle: string
  /** 1-based position among the tasks. */
  readonly ordinal: number
  /** The number in the file, even if an earlier task has the same; null: there is none. */
  readonly number: string | null
  readonly title: string
  readonly done: boolean
  readonly criteria: readonly string[]
  readonly item: Item
}

export interface OpenSpecList {
  readonly outline: Outline
  readonly tasks: readonly OpenSpecTask[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

// A bare number without a dot may begin a sentence (`3 retries`), so it must be followed by one of . ) :
const NUMBER = /^(?:\d+(?:\.\d+)+[a-z]?|\d+(?=[.):](?:[\s*_`]|$)))(?![A-Za-z0-9])/

/** Parses the text of a tasks.md. Never throws: errors are in `problems`, oddities in `warnings`. */
export function readOpenSpecTasks(text: string): OpenSpecList {
  const outline = readOutline(text)
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const rows = findRows(outline)
  const items = new Set(rows.map((row) => row.item))
  const lines = new Map<string, number>()
  const tasks = rows.map(({ item, number, title }, i): OpenSpecTask => {
    const ordinal = i + 1
    const earlier = number === null ? undefined : lines.get(number)
    if (number !== null && earlier === undefined) lines.set(number, item.line)
    const handle = number === null || earlier !== undefined ? `task-${ordinal}` : number
    if (earlier !== undefined) {
      const message = `number ${number ?? ''} is used twice (first in line ${earlier}); this task is called ${handle}`
      warnings.push({ line: item.line, message })
    }
    if (title === '') problems.push({ line: item.line, message: `task ${handle} has no title` })
    if (isOddBox(item)) {
      warnings.push({
        line: item.line,
        message: `the box of ${handle} is ${quote(item.box?.mark ?? '')}, read as not done`,
      })
    }
    const criteria = criteriaOf(item, title, 'all', (other) => items.has(other))
    return { handle, ordinal, number, title, done: isTicked(item), criteria, item }
  })
  for (const end of outline.openEnds) {
    const following = rows.some(({ item }) => item.line > end.line)
    if (following) problems.push({ line: end.line, message: `this ${end.what} is never closed, and tasks follow it` })
  }
  return { outline, tasks, problems, warnings }
}

interface Row {
  readonly item: Item
  readonly number: string | null
  readonly title: string
}

function findRows(outline: Outline): Row[] {
  const rows = new Map<Item, Row>()
  for (const item of outline.items) {
    if (!item.box) continue
    const text = paragraph(item)
    const named = takeHandle(text, NUMBER)
    const above = rowAbove(item, rows)
    // A box below a task is a step of it, unless its number shows that it is only indented wrongly.
    const misplaced = named && above?.number && !named.handle.startsWith(`${above.number}.`)
    if (above && !misplaced) continue
    const labels = named?.labels.filter((label) => label !== '').map((label) => `[${label}]`) ?? []
    const title = named === null ? unwrapped(text) : named.rest === '' ? '' : [...labels, named.rest].join(' ')
    rows.set(item, { item, number: named?.handle ?? null, title })
  }
  return [...rows.values()]
}

function rowAbove(item: Item, rows: ReadonlyMap<Item, Row>): Row | null {
  for (let above = item.parent; above; above = above.parent) {
    const row = rows.get(above)
    if (row) return row
  }
  return null
}

/** A title without the marks if all of it is bold. */
function unwrapped(text: string): string {
  return text.replace(/^\*\*([^*]+)\*\*$/, '$1')
}

/** The headings above a task; empty: there are none. */
export function groupTitle(item: Item): string {
  return [item.phase, item.section].flatMap((heading) => (heading ? [heading.title] : [])).join(' / ')
}

/**
 * Finds `wanted`, a task of an earlier reading (`among`), in `tasks`: by its number if it has its own, else by text, and among
 * equal texts by position; null: it is gone.
 */
export function sameTask(
  wanted: OpenSpecTask,
  among: readonly OpenSpecTask[],
  tasks: readonly OpenSpecTask[],
): OpenSpecTask | null {
  if (wanted.number !== null && wanted.handle === wanted.number) {
    return tasks.find((task) => task.handle === wanted.handle) ?? null
  }
  const isEqual = (task: OpenSpecTask): boolean => task.title === wanted.title && task.number === wanted.number
  const place = among.filter(isEqual).findIndex((task) => task.ordinal === wanted.ordinal)
  return tasks.filter(isEqual)[place] ?? null
}
