/** What stands behind a checkbox, taken apart: the task's handle, its labels and its title. */
import type { Item } from './outline.ts'

export interface Named {
  readonly handle: string
  /** Labels such as `P` or `US1`, without brackets, in order. */
  readonly labels: readonly string[]
  /** What is left of the text, decoration of the handle removed. */
  readonly rest: string
  /** The handle is struck through: the task was dropped. */
  readonly struck: boolean
}

const DECORATION = /^(?:\*+|_+|`+|~~)/
// A path such as [slug]/page.tsx and a link are no labels.
const LABEL = /^(?:(\*\*|__|~~|[*_`])\[([^\]]*)\]\1|\[([^\]]*)\](?=[\s[*_:`]|$))/
const SIGN = /^(?:\s+|[\p{Extended_Pictographic}\uFE0F\u200D]+)/u
const SEPARATOR = /^\s*(?:[:.)\u2013\u2014-]+(?=[\s*_`~[]|$)|\s)\s*/

/**
 * Takes the handle that `text` begins with, looking past bold, code, strike-through, signs, labels and the word Task;
 * null when there is none. `id` is anchored at the start and matches a handle only.
 */
export function takeHandle(text: string, id: RegExp): Named | null {
  const labels: string[] = []
  const marks: string[] = []
  let rest = text
  for (;;) {
    const plain = rest.replace(/^\[(?!\s*\])/, '').replace(/^task\s+/i, '')
    const found = id.exec(plain)
    const behind = plain.slice(found?.[0].length)
    const bracketed = rest.startsWith('[')
    if (found && (!bracketed || behind.startsWith(']'))) {
      return split(found[0], bracketed ? behind.slice(1) : behind, labels, marks)
    }
    const label = LABEL.exec(rest)
    const mark = DECORATION.exec(rest)
    const sign = SIGN.exec(rest)
    if (label) labels.push(label[2] ?? label[3] ?? '')
    else if (mark) marks.push(mark[0])
    else if (!sign) return null
    rest = rest.slice((label ?? mark ?? sign)?.[0].length)
  }
}

function split(handle: string, behind: string, labels: string[], marks: string[]): Named {
  const struck = marks.includes('~~')
  let rest = behind
  for (let before = ''; before !== rest;) {
    before = rest
    const mark = marks.at(-1)
    if (mark !== undefined && rest.startsWith(mark)) {
      rest = rest.slice(mark.length)
      marks.pop()
    }
    rest = rest.replace(SEPARATOR, '')
    const label = LABEL.exec(rest)
    if (label) {
      labels.push(label[2] ?? label[3] ?? '')
      rest = rest.slice(label[0].length)
    }
  }
  // Decoration that spans handle and title: drop where it ends.
  for (const mark of marks.reverse()) {
    const end = rest.indexOf(mark)
    if (end >= 0) rest = rest.slice(0, end) + rest.slice(end + mark.length)
  }
  return { handle, labels: labels.map((label) => label.trim()), rest: rest.trim(), struck }
}

/** The whole first paragraph of an item as one line, up to a line that begins a detail of its own (`Files: ...`). */
export function paragraph(item: Item): string {
  const end = item.wrapped.findIndex((line) => /^(?:\*\*[^*]+\*\*|_[^_]+_|[A-Z][\w ]{0,24}:(?:\s|$))/.test(line))
  return [item.text, ...item.wrapped.slice(0, end < 0 ? undefined : end)].join(' ').replace(/\s+/g, ' ').trim()
}

/** The detail lines of the first paragraph that `paragraph` left out, and everything below, as text lines and items. */
export function details(item: Item): readonly (string | Item)[] {
  const end = item.wrapped.findIndex((line) => /^(?:\*\*[^*]+\*\*|_[^_]+_|[A-Z][\w ]{0,24}:(?:\s|$))/.test(line))
  return end < 0 ? item.body : [...item.wrapped.slice(end), ...item.body]
}

/** Whether a box says done. Only `[x]` and `[X]` do. */
export function isTicked(item: Item): boolean {
  return item.box !== null && /^[xX]$/.test(item.box.mark)
}

/** Whether a box is neither empty nor ticked, such as `[~]` or `[ x]`: read as open, which is worth a warning. */
export function isOddBox(item: Item): boolean {
  return item.box !== null && item.box.mark.trim() !== '' && !isTicked(item)
}
