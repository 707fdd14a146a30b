/** Reads a spec-kit tasks.md: `- [ ] T001 [P] [US1] title`, in the variants that people write. */
import { findCycle } from './cycle.ts'
import { criteriaOf } from './criteria.ts'
import { TASK_ID } from './depends-on.ts'
import { type Heading, type Item, type Outline, readOutline } from './outline.ts'
import type { Dependency } from './port.ts'
import { type Problem, quote } from './problems.ts'
import { ancestorHandle, type FoundTask, resolveDependencies } from './spec-kit-dependencies.ts'
import { isOddBox, isTicked, type Named, paragraph, takeHandle } from './title.ts'

export interface SpecKitTask {
  readonly handle: string
  readonly title: string
  readonly done: boolean
  readonly dependsOn: readonly Dependency[]
  readonly criteria: readonly string[]
  readonly item: Item
}

export interface SpecKitList {
  readonly outline: Outline
  readonly tasks: readonly SpecKitTask[]
  readonly problems: readonly Problem[]
  readonly warnings: readonly Problem[]
}

/** Parses the text of a tasks.md. Never throws: errors are in `problems`, oddities in `warnings`. */
export function readSpecKitTasks(text: string): SpecKitList {
  const outline = readOutline(text)
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const found = findTasks(outline, problems, warnings)
  const dropped = found.filter((task) => task.struck && !isTicked(task.item))
  for (const task of dropped) {
    warnings.push({ line: task.item.line, message: `${task.handle} is struck through and not run` })
  }
  const kept = found.filter((task) => !dropped.includes(task))
  checkOpenEnds(outline, problems)
  checkHeadings(outline.headings, problems)
  checkUnique(found, problems)
  const dependencies = resolveDependencies(outline, kept, dropped, problems, warnings)
  const items = new Set(kept.map((task) => task.item))
  const tasks = kept.map((task) => ({
    handle: task.handle,
    title: task.title,
    done: isTicked(task.item),
    dependsOn: dependencies.get(task.handle) ?? [],
    criteria: criteriaOf(task.item, task.title, 'boxes', (item) => items.has(item)),
    item: task.item,
  }))
  const cycle = problems.length === 0 ? findCycle(tasks) : null
  if (cycle) {
    const line = tasks.find((task) => task.handle === cycle[0])?.item.line ?? 1
    problems.push({
      line,
      message: `the dependencies form a cycle: ${cycle.join(' -> ')}${unsaid(cycle, tasks)}`,
    })
  }
  return { outline, tasks, problems, warnings }
}

/** Names the step of a cycle that is not written in the file but follows from the order of the list. */
function unsaid(cycle: readonly string[], tasks: readonly SpecKitTask[]): string {
  for (const [i, handle] of cycle.slice(0, -1).entries()) {
    const task = tasks.find((one) => one.handle === handle)
    const by = task?.dependsOn.find((dependency) => dependency.handle === cycle[i + 1])
    if (by && by.kind !== 'explicit') return ` (${handle} stands after ${by.handle} and so waits for it: move it up)`
  }
  return ''
}

const JOINED = /^\s*(?:-|\u2013|\u2014|,|\/|\+|&|\.\.\.?|to\s|and\s|through\s)\s*/
const BROKEN_ID = /^(?:t-?\d{2,}|[Tt]-?(?:[Xx]{2,}|0+[Xx]+|#{2,}|\?{2,}))(?![A-Za-z0-9])/

function findTasks(outline: Outline, problems: Problem[], warnings: Problem[]): FoundTask[] {
  const found: FoundTask[] = []
  const several: { item: Item; handle: string; text: string }[] = []
  const byItem = new Map<Item, string>()
  for (const item of outline.items) {
    if (!item.box) {
      checkBrokenBox(item, problems)
      continue
    }
    const text = paragraph(item)
    const named = takeHandle(text, TASK_ID)
    const above = ancestorHandle(item, byItem)
    if (named && namesSeveral(text, named.handle)) several.push({ item, handle: named.handle, text })
    else if (named && !(above !== null && isPartOf(named.handle, above))) {
      const task = nameTask(item, named)
      if (task.title === '') problems.push({ line: item.line, message: `task ${task.handle} has no title` })
      if (isOddBox(item)) {
        warnings.push({
          line: item.line,
          message: `the box of ${task.handle} is ${quote(item.box.mark)}, read as not done`,
        })
      }
      byItem.set(item, named.handle)
      found.push(task)
    } else if (!named) noteOther(item, text, above, problems, warnings)
  }
  for (const { item, handle, text } of several) {
    // A box for `T001-T005` summarizes tasks that are listed elsewhere; if they are not, it may be the task itself.
    const list = found.some((task) => task.handle === handle) ? warnings : problems
    list.push({ line: item.line, message: `${quote(text)} names several tasks and cannot be run as one` })
  }
  return found
}

/** `- [y] T001 ...` is a task with an invalid box; if it were left out silently, it would never be done. `[P]` is a label. */
function checkBrokenBox(item: Item, problems: Problem[]): void {
  const broken = /^\[([a-oq-z0-9])\]\s+(.*)$/.exec(item.text)
  const named = broken && takeHandle(broken[2] ?? '', TASK_ID)
  if (!broken || !named) return
  problems.push({
    line: item.line,
    message: `the box of ${named.handle} is ${quote(`[${broken[1]}]`)}, which is none: write [ ] or [x]`,
  })
}

/** Whether the handle is joined to another one with the same number of digits, as in `T001-T005 ...`. */
function namesSeveral(text: string, handle: string): boolean {
  const behind = text.slice(text.indexOf(handle) + handle.length)
  const joint = JOINED.exec(behind)
  const next = joint ? TASK_ID.exec(behind.slice(joint[0].length))?.[0] : undefined
  return next !== undefined && /\d+/.exec(next)?.[0].length === /\d+/.exec(handle)?.[0].length
}

function noteOther(item: Item, text: string, above: string | null, problems: Problem[], warnings: Problem[]): void {
  const broken = takeHandle(text, BROKEN_ID)
  if (broken) {
    problems.push({
      line: item.line,
      message: `${quote(text)}: ${broken.handle} is no task id (T and digits, such as T001)`,
    })
  } else if (above === null) {
    warnings.push({ line: item.line, message: `${quote(text)} has no task id and is not run` })
  }
}

function nameTask(item: Item, named: Named): FoundTask {
  const isStory = (label: string): boolean => /^[A-Z]{2,}\d+$/.test(label)
  const isParallel = (label: string): boolean => label === 'P' || label === 'p'
  const kept = named.labels.filter((label) => label !== '' && !isParallel(label) && !isStory(label))
  return {
    handle: named.handle,
    title: named.rest === '' ? '' : [...kept.map((label) => `[${label}]`), named.rest].join(' '),
    parallel: named.labels.some(isParallel),
    struck: named.struck,
    item,
  }
}

/**
 * Whether `handle` is a step of `above`, as T010.1 and T010a are of T010. Any other id is its own task, however deeply it is
 * indented.
 */
function isPartOf(handle: string, above: string): boolean {
  return handle.startsWith(above) && /^[.A-Za-z]/.test(handle.slice(above.length))
}

function checkUnique(tasks: readonly FoundTask[], problems: Problem[]): void {
  const first = new Map<string, number>()
  for (const { handle, item } of tasks) {
    const line = first.get(handle)
    if (line === undefined) first.set(handle, item.line)
    else problems.push({ line: item.line, message: `task id ${handle} is used twice (first in line ${line})` })
  }
}

function checkOpenEnds(outline: Outline, problems: Problem[]): void {
  for (const end of outline.openEnds) {
    const following = outline.items.some((item) => item.line > end.line && takeHandle(item.text, TASK_ID) !== null)
    if (following) problems.push({ line: end.line, message: `this ${end.what} is never closed, and tasks follow it` })
  }
}

function checkHeadings(headings: readonly Heading[], problems: Problem[]): void {
  for (const heading of headings) {
    const task = /^[-*+]\s*\[.?\]\s*(.*)$/.exec(heading.title)
    if (task && takeHandle(task[1] ?? '', TASK_ID)) {
      problems.push({
        line: heading.line,
        message: `${quote(heading.title)} is a heading; write the task as a list item`,
      })
    }
  }
}
