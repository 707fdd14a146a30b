/** The text after a checkbox, split into the task's handle, its labels and its title. */
import type { Item } from './outline.ts'

export interface Named {
  readonly handle: string
  /** Labels such as `P` or `US1`, without brackets, in order. */
  readonly labels: readonly string[]
  /** The rest of the text, without decoration of the handle. */
  readonly rest: string
  /** Whether the handle is struck through, which means that the task was dropped. */
  readonly struck: boolean
}

const DECORATION = /^(?:\*+|_+|`+|~~)/
// A path such as [slug]/page.tsx and a link are not labels.
const LABEL = /^(?:(\*\*|__|~~|[*_`])\[([^\]]*)\]\1|\[([^\]]*)\](?=[\s[*_:`]|$))/
const SIGN = /^(?:\s+|[\p{Extended_Pictographic}\uFE0F\u200D]+)/u
const SEPARATOR = /^\s*(?:[:.)\u2013\u2014-]+(?=[\s*_`~[]|$)|\s)\s*/

/**
 * Splits off the handle at the beginning of `text`, ignoring bold, code, strike-through, signs, labels and the word Task; null:
 * there is none. `id` is anchored at the start and matches only a handle.
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
  // Decoration that spans handle and title is removed at its end too.
  for (const mark of marks.reverse()) {
    const end = rest.indexOf(mark)
    if (end >= 0) rest = rest.slice(0, end) + rest.slice(end + mark.length)
  }
  return { handle, labels: labels.map((label) => label.trim()), rest: rest.trim(), struck }
}

/** The first paragraph of an item as one line, up to a line that begins a detail (`Files: ...`). */
export function paragraph(item: Item): string {
  const end = item.wrapped.findIndex((line) => /^(?:\*\*[^*]+\*\*|_[^_]+_|[A-Z][\w ]{0,24}:(?:\s|$))/.test(line))
  return [item.text, ...item.wrapped.slice(0, end < 0 ? undefined : end)].join(' ').replace(/\s+/g, ' ').trim()
}

/** The detail lines of the first paragraph, which `paragraph` leaves out, and everything below, as text lines and items. */
export function details(item: Item): readonly (string | Item)[] {
  const end = item.wrapped.findIndex((line) => /^(?:\*\*[^*]+\*\*|_[^_]+_|[A-Z][\w ]{0,24}:(?:\s|$))/.test(line))
  return end < 0 ? item.body : [...item.wrapped.slice(end), ...item.body]
}

/** Whether a box is ticked; only `[x]` and `[X]` are. */
export function isTicked(item: Item): boolean {
  return item.box !== null && /^[xX]$/.test(item.box.mark)
}

/** Whether a box is neither empty nor ticked, such as `[~]` or `[ x]`. It counts as open, which is worth a warning. */
export function isOddBox(item: Item): boolean {
  return item.box !== null && item.box.mark.trim() !== '' && !isTicked(item)
}
