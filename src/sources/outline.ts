/**
 * Reads the lists and headings of Markdown task files as people really write them. This is not a full Markdown parser, but it
 * knows what is not a task (code fences, comments, front matter, quotes).
 */
import { codeEnds, withoutComments } from './outline-lines.ts'

export interface Box {
  /** The text between the brackets. */
  readonly mark: string
  /** Offsets of that text in the whole file. */
  readonly start: number
  readonly end: number
}

export interface Item {
  /** 1-based. */
  readonly line: number
  /** Column of the list marker; a tab advances to the next multiple of four. */
  readonly indent: number
  readonly box: Box | null
  /** The first line after marker and box, without comments. */
  readonly text: string
  /** Further lines of the same paragraph. */
  readonly wrapped: readonly string[]
  /** Everything below with more indentation, in file order: further paragraph lines and nested items. */
  readonly body: readonly (string | Item)[]
  readonly parent: Item | null
  /** The nearest heading above of level 1 or 2, and below that the nearest of level 3 or deeper. */
  readonly phase: Heading | null
  readonly section: Heading | null
  /** The last line of the item, including nested content (1-based). */
  readonly lastLine: number
}

export interface Heading {
  readonly line: number
  readonly level: number
  readonly title: string
}

/** A construct that is opened but never closed, so that it is unknown whether the following lines are text. */
export interface OpenEnd {
  readonly line: number
  readonly what: 'code fence' | 'comment'
}

export interface Outline {
  /** Lines without their line ends. */
  readonly lines: readonly string[]
  /** Every list item outside code and comments, in file order. */
  readonly items: readonly Item[]
  readonly headings: readonly Heading[]
  readonly openEnds: readonly OpenEnd[]
  /** Lines with a box in code or in a comment. */
  readonly hidden: readonly number[]
}

interface Draft extends Item {
  readonly wrapped: string[]
  readonly body: (string | Item)[]
  lastLine: number
  /** Whether the paragraph of the first line has ended. */
  closed: boolean
}

const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?[ \t]*#*[ \t]*$/
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/
const LIST_ITEM = /^(?:([-*+])|\d{1,9}[.)])(?:(\s+)(.*)|(?=\[[ xX]?\])(.*)|)$/
// A box contains white space, x, or one sign such as ~. A letter or digit makes a label ([P]), and [a](b) is a link.
const BOX = /^\[(?:(\s*|\s?[xX]\s?)\](?!\()|(\s?[^\][A-Za-z0-9]\uFE0F?\s?)\](?![([:]))/u
const HAS_BOX = /^\s*(?:[-*+]|\d{1,9}[.)])\s*\[[ xX]\]/
const DEEP = 4

export function readOutline(text: string): Outline {
  return new Reader(text).read()
}

class Reader {
  readonly #lines: string[] = []
  readonly #offsets: number[] = []
  readonly #items: Draft[] = []
  readonly #headings: Heading[] = []
  readonly #openEnds: OpenEnd[] = []
  readonly #hidden: number[] = []
  #open: Draft[] = []
  #phase: Heading | null = null
  #section: Heading | null = null
  #blankBefore = true
  /**
   * What nothing closes any more: the sign of a fence with its least length, and comments. Without it, every opening would be
   * looked up to the end of the file.
   */
  readonly #endless = new Map<string, number>()
  /** No comment ends in the lines from the current one to this index, where its paragraph ends. */
  #noEndTo = 0

  constructor(text: string) {
    let offset = text.startsWith('\uFEFF') ? 1 : 0
    for (const line of text.slice(offset).split('\n')) {
      this.#lines.push(line.endsWith('\r') ? line.slice(0, -1) : line)
      this.#offsets.push(offset)
      offset += line.length + 1
    }
  }

  read(): Outline {
    for (let i = this.#frontMatter(); i < this.#lines.length; i++) {
      const last = this.#block(i)
      if (last < i) this.#line(i)
      else {
        this.#hide(i, last)
        i = last
      }
    }
    return {
      lines: this.#lines,
      items: this.#items,
      headings: this.#headings,
      openEnds: this.#openEnds,
      hidden: this.#hidden,
    }
  }

  /** Notes the boxes in the lines from index `first` to `last`, which are not text. */
  #hide(first: number, last: number): void {
    for (const [i, line] of this.#lines.slice(first, last + 1).entries()) {
      if (HAS_BOX.test(line)) this.#hidden.push(first + i + 1)
    }
  }

  #frontMatter(): number {
    if (!/^---[ \t]*$/.test(this.#lines[0] ?? '')) return 0
    const end = this.#lines.findIndex((line, i) => i > 0 && /^(---|\.\.\.)[ \t]*$/.test(line))
    const inside = this.#lines.slice(1, Math.max(end, 0))
    // A rule at the top looks the same. Front matter consists of keys, comments, list entries and empty lines.
    const keys = inside.every((line) => /^\s*(#.*|[\w.-]+\s*:.*|-\s.*|)$/.test(line) || /^\s+\S/.test(line))
    return end > 0 && keys && !inside.some((line) => HAS_BOX.test(line)) ? end + 1 : 0
  }

  /** The index of the last line of a code block or comment that begins at `index`; -1: none begins there. */
  #block(index: number): number {
    const line = this.#lines[index] ?? ''
    const fence = /^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(?:(`{3,})[^`]*|(~{3,}).*)$/.exec(line)
    if (fence) {
      const mark = fence[1] ?? fence[2] ?? '```'
      const end = this.#codeEnd(index, mark)
      if (end >= 0) {
        this.#popTo(columns(line))
        this.#touch(end)
        return end
      }
      this.#openEnds.push({ line: index + 1, what: 'code fence' })
      return -1
    }
    if (/^\s*<!--/.test(line)) {
      const end = this.#commentEnd(index, line.indexOf('<!--') + 4)
      if (end >= 0) return end
      this.#openEnds.push({ line: index + 1, what: 'comment' })
      return -1
    }
    const first = this.#open[0]
    if (!first && this.#blankBefore && line.trim() !== '' && columns(line) >= DEEP) return index // indented code
    return -1
  }

  /** The line that closes a code fence opened at `index` with `mark`; -1: none does. */
  #codeEnd(index: number, mark: string): number {
    const sign = mark.charAt(0)
    if (mark.length >= (this.#endless.get(sign) ?? Infinity)) return -1
    for (let i = index + 1; i < this.#lines.length; i++) if (codeEnds(this.#lines[i] ?? '', mark)) return i
    this.#endless.set(sign, mark.length)
    return -1
  }

  /** The line that closes a comment whose text begins in line `index` at column `from`; -1: none does. */
  #commentEnd(index: number, from: number): number {
    if (this.#endless.has('<!--')) return -1
    for (let i = index; i < this.#lines.length; i++) {
      if ((this.#lines[i] ?? '').includes('-->', i === index ? from : 0)) return i
    }
    this.#endless.set('<!--', 0)
    return -1
  }

  #line(index: number): void {
    const line = this.#lines[index] ?? ''
    if (line.trim() === '') {
      this.#blankBefore = true
      return
    }
    const heading = HEADING.exec(line)
    if (heading) this.#heading(index, heading[1]?.length ?? 1, (heading[2] ?? '').trim())
    else if (RULE.test(line)) this.#open = []
    else if (!this.#item(index, line)) this.#paragraph(index, line)
    this.#blankBefore = heading !== null
  }

  #heading(index: number, level: number, title: string): void {
    const heading = { line: index + 1, level, title }
    this.#headings.push(heading)
    this.#open = []
    if (level <= 2) this.#phase = heading
    this.#section = level <= 2 ? null : heading
  }

  #item(index: number, line: string): boolean {
    const content = line.trimStart()
    const match = LIST_ITEM.exec(content)
    if (!match) return false
    const indent = columns(line)
    while (this.#open.length > 0 && indent < (this.#open.at(-1)?.indent ?? 0) + 2) this.#open.pop()
    const rest = match[3] ?? match[4] ?? ''
    const restAt = (this.#offsets[index] ?? 0) + line.length - rest.length
    const box = BOX.exec(rest)
    const mark = box?.[1] ?? box?.[2] ?? ''
    const parent = this.#open.at(-1) ?? null
    const item: Draft = {
      line: index + 1,
      indent,
      box: box ? { mark, start: restAt + 1, end: restAt + 1 + mark.length } : null,
      text: this.#visible(index, box ? rest.slice(box[0].length) : rest),
      wrapped: [],
      body: [],
      parent,
      phase: this.#phase,
      section: this.#section,
      lastLine: index + 1,
      closed: endsHard(line),
    }
    parent?.body.push(item)
    if (parent) parent.closed = true
    this.#open.push(item)
    this.#items.push(item)
    this.#touch(index)
    return true
  }

  #paragraph(index: number, line: string): void {
    const indent = columns(line)
    this.#popTo(indent)
    const owner = this.#open.at(-1)
    if (!owner) return
    const text = this.#visible(index, line)
    if (owner.closed || this.#blankBefore || /^[>|]/.test(text)) {
      owner.closed = true
      owner.body.push(text)
    } else {
      owner.wrapped.push(text)
      owner.closed = endsHard(line)
    }
    this.#touch(index)
  }

  /**
   * `text` without comments. A comment that continues on the next lines, within the same paragraph, is removed from these too.
   */
  #visible(index: number, text: string): string {
    const { shown, open } = withoutComments(text)
    if (open === null) return shown.trim()
    let i = Math.max(index + 1, this.#noEndTo)
    for (; i < this.#lines.length && (this.#lines[i] ?? '').trim() !== ''; i++) {
      const end = (this.#lines[i] ?? '').indexOf('-->')
      if (end < 0) continue
      this.#hide(index + 1, i)
      for (let inside = index + 1; inside <= i; inside++) {
        const line = this.#lines[inside] ?? ''
        this.#lines[inside] = inside < i ? '' : ' '.repeat(end + 3) + line.slice(end + 3)
      }
      return open.trim()
    }
    this.#noEndTo = i
    return shown.trim()
  }

  /** Closes the items to which content at column `indent` does not belong. */
  #popTo(indent: number): void {
    while (this.#open.length > 0 && indent <= (this.#open.at(-1)?.indent ?? 0)) this.#open.pop()
  }

  #touch(index: number): void {
    for (const item of this.#open) item.lastLine = index + 1
  }
}

/** Whether a line ends with a deliberate line break: two spaces or a backslash. */
function endsHard(line: string): boolean {
  return /(?: {2,}|\\)$/.test(line)
}

function columns(line: string): number {
  let column = 0
  for (const char of line) {
    if (char === '\t') column += 4 - (column % 4)
    else if (/\s/.test(char)) column += 1
    else break
  }
  return column
}
